import CStemmer
import Columnar

extension FunctionLibrary {
  static let stemming: [ScalarDefinition] = [
    ScalarDefinition("word_stem", "The stem of an English word in lower case.", [.varchar], returns: .argument(0), kernel: stemKernel),
    ScalarDefinition(
      "word_stem", "The stem of a word in lower case, in a language: \(StemmingLanguage.codes).", [.varchar, .varchar], returns: .argument(0),
      kernel: stemKernel),
  ]

  /// Makes a stemmer when the language of a row differs from the row's before, which is once a batch as a rule.
  private static let stemKernel: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let words = Operand(arguments[0])
      let languages = arguments.count > 1 ? Operand(arguments[1]) : nil
      var out = TextColumnBuilder(count: call.count)
      var stemmer: Stemmer?
      var known: UnsafeRawBufferPointer?
      for row in 0..<call.count {
        guard words.isValid(row), languages?.isValid(row) ?? true else {
          out.endRowAsNull()
          continue
        }
        do throws(KernelError) {
          let code = languages.map { StringView.buffer(at: $0.pointer(as: StringView.self) + (row & $0.mask)) }
          let isKnown = if let code, let known { StringSearch.isEqual(code, known) } else { code == nil }
          let current: Stemmer
          if let stemmer, isKnown { current = stemmer } else { current = try Stemmer(code.map { String(decoding: $0, as: UTF8.self) } ?? "en") }
          stemmer = current
          known = code
          try current.stem(StringView.buffer(at: words.pointer(as: StringView.self) + (row & words.mask)), into: &out.bytes)
        } catch {
          throw error.at(row: row)
        }
        out.endRow()
      }
      return out.finish(call.resultType, retaining: words.heap)
    }
  }
}

/// The languages of Trino's `word_stem`.
/// - Source: trinodb/trino:core/trino-main/.../operator/scalar/WordStemFunction.java, which uses Lucene's copy of Snowball 2.0.
enum StemmingLanguage: String, CaseIterable {
  case catalan = "ca", danish = "da", german = "de", english = "en", spanish = "es", basque = "eu", finnish = "fi", french = "fr", hungarian = "hu",
    armenian = "hy", irish = "ir", italian = "it", lithuanian = "lt", dutch = "nl", norwegian = "no", portuguese = "pt", romanian = "ro",
    russian = "ru", swedish = "sv", turkish = "tr"

  static let codes = allCases.map(\.rawValue).joined(separator: ", ")

  /// What the library calls the algorithm, first choice first.
  var algorithms: [String] {
    switch self {
    // Since Snowball 3 `dutch` is another algorithm.
    case .dutch: ["dutch_porter", "dutch"]
    default: ["\(self)"]
    }
  }
}

/// One language's algorithm of the Snowball library with its working memory, hence for one thread.
final class Stemmer {
  private let language: StemmingLanguage
  private let library: OpaquePointer
  private var joined = TextBuffer()

  init(_ code: String) throws(KernelError) {
    guard let language = StemmingLanguage(rawValue: code) else {
      throw .invalidArgument("Unknown stemmer language: \(code) (there are \(StemmingLanguage.codes))")
    }
    guard let library = language.algorithms.lazy.compactMap({ sb_stemmer_new($0, "UTF_8") }).first else {
      throw KernelError("NOT_SUPPORTED", "The Snowball library that is linked has no stemmer for \(language)")
    }
    self.language = language
    self.library = library
  }

  deinit { sb_stemmer_delete(library) }

  func stem(_ word: UnsafeRawBufferPointer, into out: inout TextBuffer) throws(KernelError) {
    switch language {
    case .german:
      // What Lucene's `German2Stemmer` does before the rules of German proper.
      joined.removeAll()
      GermanUmlauts.join(String(decoding: word, as: UTF8.self), into: &joined)
      try append(joined.bytes, to: &out)
    case .turkish where TurkishPlural.endsStemming(String(decoding: word, as: UTF8.self)):
      out.append(word)
    case .turkish:
      let start = out.count
      try append(word, to: &out)
      let stem = UnsafeRawBufferPointer(rebasing: out.bytes[start...])
      if TurkishPlural.isReserved(String(decoding: stem, as: UTF8.self)) {
        out.truncate(to: start)
        out.append(word)
      }
    default: try append(word, to: &out)
    }
  }

  private func append(_ word: UnsafeRawBufferPointer, to out: inout TextBuffer) throws(KernelError) {
    guard let address = word.baseAddress, word.count > 0 else { return }
    guard let size = Int32(exactly: word.count), let stem = sb_stemmer_stem(library, address.assumingMemoryBound(to: UInt8.self), size) else {
      throw KernelError("GENERIC_INSUFFICIENT_RESOURCES", "No memory for the stem of a word of \(word.count) bytes")
    }
    out.append(UnsafeRawBufferPointer(start: stem, count: Int(sb_stemmer_length(library))))
  }
}

/// `ae`, `oe` and `ue` written for umlauts, in words like `Haeuser`: the first step of Snowball's German2, which was a stemmer of its own before version 3.
enum GermanUmlauts {
  private static let vowels = Set("aeiouyäöü".unicodeScalars)

  static func join(_ word: String, into result: inout TextBuffer) {
    let letters = Array(word.unicodeScalars)
    // A u between vowels (`bauen`) stands for itself. What follows the second vowel is looked at anew.
    var isConsonant = [Bool](repeating: false, count: letters.count)
    var index = 0
    while index + 2 < letters.count {
      if vowels.contains(letters[index]), letters[index + 1] == "u" || letters[index + 1] == "y", vowels.contains(letters[index + 2]) {
        isConsonant[index + 1] = true
        index += 3
      } else {
        index += 1
      }
    }
    index = 0
    while index < letters.count {
      let next: Unicode.Scalar? = index + 1 < letters.count && !isConsonant[index + 1] ? letters[index + 1] : nil
      switch (letters[index], next) {
      case ("a", "e"): result.append(text: "ä")
      case ("o", "e"): result.append(text: "ö")
      case ("u", "e") where !isConsonant[index]: result.append(text: "ü")
      case ("q", "u"):
        // Lucene's Snowball leaves the two letters behind `qu` alone as well; without two of them it stops.
        let end = index + 4 <= letters.count ? index + 4 : letters.count
        for letter in letters[index..<end] { result.append(letter) }
        index = end
        continue
      case ("ß", _):
        result.append(text: "ss")
        index += 1
        continue
      default:
        result.append(letters[index])
        index += 1
        continue
      }
      index += 2
    }
  }
}

/// Words that the Turkish algorithm gives up on. The library returns what it had made of them until then, Trino the word as it was.
enum TurkishPlural {
  private static let vowels = Set("aeıioöuü".unicodeScalars)
  /// Vowels that may stand before an ending with `a` and with `e`: vowel harmony.
  private static let back = Set("aıou".unicodeScalars)
  private static let front = Set("eiöü".unicodeScalars)

  /// The plural ends the search for endings of nouns.
  static func endsStemming(_ word: String) -> Bool {
    let letters = Array(word.unicodeScalars)
    guard letters.count > 3, letters.last == "r", letters[letters.count - 3] == "l" else { return false }
    let beginning = letters.dropLast(3)
    guard beginning.contains(where: vowels.contains) else { return false }
    switch letters[letters.count - 2] {
    case "a": return beginning.contains(where: back.contains)
    case "e": return beginning.contains(where: front.contains)
    default: return false
    }
  }

  /// The words for name and surname.
  static func isReserved(_ stem: String) -> Bool { stem == "ad" || stem == "soyad" }
}

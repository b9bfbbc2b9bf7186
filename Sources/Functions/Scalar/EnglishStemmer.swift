/// The stem of an English word in lower case.
///
/// ```
/// a word       g e n e r a t i o n s
/// region 1               ─────────────   behind the first consonant after a vowel; here behind `gener`
/// region 2                 ───────────   the same again, within region 1
/// ```
/// - Source: Martin Porter, "The English (Porter2) stemming algorithm", snowballstem.org, in the version of 2002 to 2014 that Lucene and with it Trino have.
struct EnglishStemmer {
  private var word: [UInt8]
  private var region1 = 0
  private var region2 = 0

  static func stem(_ text: String) -> String {
    // Letters of other alphabets count as consonants, one each: they are put aside under a byte that no rule names.
    var others: [Unicode.Scalar] = []
    let bytes = text.unicodeScalars.map { scalar -> UInt8 in
      if scalar.isASCII { return UInt8(scalar.value) }
      others.append(scalar)
      return 0xFF
    }
    var stemmer = EnglishStemmer(word: bytes)
    stemmer.run()
    var result = String.UnicodeScalarView()
    var next = others.makeIterator()
    for byte in stemmer.word { result.append(byte == 0xFF ? next.next() ?? "\u{FFFD}" : Unicode.Scalar(byte)) }
    return String(result)
  }

  private init(word: [UInt8]) { self.word = word }

  private static let exceptions: [String: String] = [
    "skis": "ski", "skies": "sky", "dying": "die", "lying": "lie", "tying": "tie", "idly": "idl", "gently": "gentl", "ugly": "ugli",
    "early": "earli", "only": "onli", "singly": "singl", "sky": "sky", "news": "news", "howe": "howe", "atlas": "atlas", "cosmos": "cosmos",
    "bias": "bias", "andes": "andes",
  ]
  private static let finished: Set<String> = ["inning", "outing", "canning", "herring", "earring", "proceed", "exceed", "succeed"]

  private mutating func run() {
    let text = String(decoding: word, as: UTF8.self)
    if let stem = Self.exceptions[text] {
      word = Array(stem.utf8)
      return
    }
    guard word.count > 2 else { return }
    if word[0] == UInt8(ascii: "'") { word.removeFirst() }
    markConsonantY()
    findRegions()
    removeApostrophe()
    removePlural()
    guard !Self.finished.contains(String(decoding: word, as: UTF8.self)) else { return }
    removePast()
    if word.count > 2, ends("y") || ends("Y"), !isVowel(word.count - 2) { word[word.count - 1] = UInt8(ascii: "i") }
    shortenInRegion1()
    shortenAdjectives()
    removeInRegion2()
    removeFinalLetter()
    for index in word.indices where word[index] == UInt8(ascii: "Y") { word[index] = UInt8(ascii: "y") }
  }

  // MARK: Letters

  private func isVowel(_ index: Int) -> Bool { "aeiouy".utf8.contains(word[index]) }
  private func ends(_ suffix: String) -> Bool { word.count >= suffix.utf8.count && word.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) }
  private func hasVowel(before end: Int) -> Bool { (0..<max(0, end)).contains { isVowel($0) } }

  private mutating func replace(_ suffix: String, by other: String) { word.replaceSubrange((word.count - suffix.utf8.count)..., with: other.utf8) }

  /// A `y` at the start or behind a vowel is a consonant.
  private mutating func markConsonantY() {
    for index in word.indices where word[index] == UInt8(ascii: "y") && (index == 0 || isVowel(index - 1)) { word[index] = UInt8(ascii: "Y") }
  }

  private mutating func findRegions() {
    func next(from start: Int) -> Int {
      var index = start
      while index < word.count, !isVowel(index) { index += 1 }
      while index < word.count, isVowel(index) { index += 1 }
      return min(word.count, index + 1)
    }
    if let prefix = ["gener", "commun", "arsen"].first(where: { word.starts(with: $0.utf8) }) {
      region1 = prefix.utf8.count
    } else {
      region1 = next(from: 0)
    }
    region2 = next(from: region1)
  }

  /// Whether the first `end` letters end with a short syllable: a vowel between a consonant and one that is none of w, x and Y, or a vowel and a
  /// consonant that are all there is.
  private func hasShortSyllable(before end: Int) -> Bool {
    guard end >= 2, !isVowel(end - 1), isVowel(end - 2) else { return false }
    return end == 2 || !isVowel(end - 3) && !"wxY".utf8.contains(word[end - 1])
  }

  // MARK: Steps

  private mutating func removeApostrophe() {
    for suffix in ["'s'", "'s", "'"] where ends(suffix) { return replace(suffix, by: "") }
  }

  private mutating func removePlural() {
    if ends("sses") { return replace("sses", by: "ss") }
    for suffix in ["ied", "ies"] where ends(suffix) { return replace(suffix, by: word.count > 4 ? "i" : "ie") }
    if ends("us") || ends("ss") || !ends("s") { return }
    if hasVowel(before: word.count - 2) { word.removeLast() }
  }

  private mutating func removePast() {
    for suffix in ["eedly", "eed"] where ends(suffix) {
      if word.count - suffix.utf8.count >= region1 { replace(suffix, by: "ee") }
      return
    }
    guard let suffix = ["ingly", "edly", "ing", "ed"].first(where: ends), hasVowel(before: word.count - suffix.utf8.count) else { return }
    replace(suffix, by: "")
    if ["at", "bl", "iz"].contains(where: ends) {
      word.append(UInt8(ascii: "e"))
    } else if ["bb", "dd", "ff", "gg", "mm", "nn", "pp", "rr", "tt"].contains(where: ends) {
      word.removeLast()
    } else if region1 >= word.count, hasShortSyllable(before: word.count) {
      word.append(UInt8(ascii: "e"))
    }
  }

  /// The longest suffix decides, whether it may go or not.
  private static let shorter: [(suffix: String, replacement: String)] = [
    ("ization", "ize"), ("ational", "ate"), ("fulness", "ful"), ("ousness", "ous"), ("iveness", "ive"), ("tional", "tion"), ("biliti", "ble"),
    ("lessli", "less"), ("entli", "ent"), ("ation", "ate"), ("alism", "al"), ("aliti", "al"), ("ousli", "ous"), ("iviti", "ive"), ("fulli", "ful"),
    ("enci", "ence"), ("anci", "ance"), ("abli", "able"), ("izer", "ize"), ("ator", "ate"), ("alli", "al"), ("bli", "ble"),
  ]

  private mutating func shortenInRegion1() {
    for (suffix, replacement) in Self.shorter where ends(suffix) {
      if word.count - suffix.utf8.count >= region1 { replace(suffix, by: replacement) }
      return
    }
    if ends("ogi") {
      if word.count - 3 >= region1, ends("logi") { word.removeLast() }
    } else if ends("li"), word.count - 2 >= region1, word.count > 2, "cdeghkmnrt".utf8.contains(word[word.count - 3]) {
      replace("li", by: "")
    }
  }

  private mutating func shortenAdjectives() {
    let pairs = [
      ("ational", "ate"), ("tional", "tion"), ("alize", "al"), ("icate", "ic"), ("iciti", "ic"), ("ative", ""), ("ical", "ic"), ("ness", ""), ("ful", ""),
    ]
    for (suffix, replacement) in pairs where ends(suffix) {
      if word.count - suffix.utf8.count >= (suffix == "ative" ? max(region1, region2) : region1) { replace(suffix, by: replacement) }
      return
    }
  }

  private mutating func removeInRegion2() {
    let suffixes = ["ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate", "iti", "ous", "ive", "ize", "ion", "al", "er", "ic"]
    guard let suffix = suffixes.first(where: ends), word.count - suffix.utf8.count >= region2 else { return }
    if suffix == "ion", !ends("sion"), !ends("tion") { return }
    replace(suffix, by: "")
  }

  private mutating func removeFinalLetter() {
    let end = word.count - 1
    if ends("e") {
      if end >= region2 || end >= region1 && !hasShortSyllable(before: end) { word.removeLast() }
    } else if ends("ll"), end >= region2 {
      word.removeLast()
    }
  }
}

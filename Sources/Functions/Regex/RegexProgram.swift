import CPCRE2
import Columnar
import Synchronization

/// A compiled pattern; shared by all threads that match with it.
///
/// Patterns have Java's syntax as Trino takes it (`JavaPattern` translates it) and are matched by PCRE2: with its JIT where the machine
/// has one, on UTF-8 that may be broken (broken bytes match nothing), and with a limit of steps, so that no pattern hangs.
final class RegexProgram: @unchecked Sendable {  // compiled once, only read afterwards: pcre2api, "MULTITHREADING"
  let code: OpaquePointer
  let context: OpaquePointer
  /// Groups that the pattern captures, without the whole match.
  let groupCount: Int
  private let names: [String: Int]
  fileprivate let isCompiled: Bool

  /// Steps of one search from one start; reached only by patterns whose work explodes.
  private static let stepLimit: UInt32 = 2_000_000
  /// Kibibytes for backtracking when the JIT's stack does not suffice.
  private static let heapLimit: UInt32 = 64 << 10

  init(_ pattern: UnsafeRawBufferPointer) throws(KernelError) {
    let translated = try JavaPattern.translate(pattern)
    var errorNumber: Int32 = 0
    var errorOffset = 0
    let options = UInt32(PCRE2_UTF) | UInt32(PCRE2_MATCH_INVALID_UTF) | UInt32(PCRE2_NEVER_BACKSLASH_C)
    let compiled = translated.withUnsafeBufferPointer { bytes in
      pcre2_compile_8(bytes.baseAddress, bytes.count, options, &errorNumber, &errorOffset, nil)
    }
    guard let compiled, let context = pcre2_match_context_create_8(nil) else {
      throw .invalidArgument("Invalid regular expression: \(Self.message(errorNumber)) near index \(errorOffset)")
    }
    code = compiled
    self.context = context
    pcre2_set_match_limit_8(context, Self.stepLimit)
    pcre2_set_heap_limit_8(context, Self.heapLimit)
    isCompiled = pcre2_jit_compile_8(compiled, UInt32(PCRE2_JIT_COMPLETE)) == 0
    var groups: UInt32 = 0
    pcre2_pattern_info_8(compiled, UInt32(PCRE2_INFO_CAPTURECOUNT), &groups)
    groupCount = Int(groups)
    names = Self.groupNames(compiled)
  }

  deinit {
    pcre2_match_context_free_8(context)
    pcre2_code_free_8(code)
  }

  func group(named name: String) -> Int? { names[name] }

  /// The table has entries of a fixed size: group number in two bytes, most significant first, then the name and a zero byte.
  private static func groupNames(_ code: OpaquePointer) -> [String: Int] {
    var count: UInt32 = 0
    var size: UInt32 = 0
    var table: UnsafePointer<UInt8>?
    pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMECOUNT), &count)
    pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMEENTRYSIZE), &size)
    pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMETABLE), &table)
    guard let table else { return [:] }
    var names: [String: Int] = [:]
    for index in 0..<Int(count) {
      let entry = table + index * Int(size)
      names[String(cString: entry + 2)] = Int(entry[0]) << 8 | Int(entry[1])
    }
    return names
  }

  fileprivate static func message(_ number: Int32) -> String {
    var text = [UInt8](repeating: 0, count: 256)
    let size = pcre2_get_error_message_8(number, &text, text.count)
    return size > 0 ? String(decoding: text[..<Int(size)], as: UTF8.self) : "error \(number)"
  }

  // MARK: Programs used before

  private static let cache = Mutex<[[UInt8]: RegexProgram]>([:])
  private static let cacheLimit = 256

  /// The program of a pattern, compiled on first use.
  static func of(_ pattern: UnsafeRawBufferPointer) throws(KernelError) -> RegexProgram {
    let key = Array(pattern)
    if let known = cache.withLock({ $0[key] }) { return known }
    let program = try RegexProgram(pattern)
    cache.withLock { cache in
      if cache.count >= cacheLimit { cache.removeAll() }
      cache[key] = program
    }
    return program
  }
}

/// Finds matches of one program, one subject at a time; belongs to one thread.
final class RegexMatcher {
  let program: RegexProgram
  private let data: OpaquePointer
  /// Start and end of the match and of every group; `unset` for groups that took no part.
  private let offsets: UnsafeMutablePointer<Int>
  private static let unset = -1

  init(_ program: RegexProgram) throws(KernelError) {
    self.program = program
    guard let data = pcre2_match_data_create_from_pattern_8(program.code, nil) else {
      throw KernelError("GENERIC_INSUFFICIENT_RESOURCES", "No memory for a regular expression")
    }
    self.data = data
    offsets = UnsafeMutableRawPointer(pcre2_get_ovector_pointer_8(data)).assumingMemoryBound(to: Int.self)
  }

  deinit { pcre2_match_data_free_8(data) }

  /// Looks for the first match at or after a byte offset.
  func find(_ subject: UnsafeRawBufferPointer, from start: Int = 0) throws(KernelError) -> Bool {
    guard start <= subject.count else { return false }
    // An empty text may have no address, which PCRE2 takes for an error.
    guard let base = subject.baseAddress else {
      var nothing: UInt8 = 0
      return try withUnsafePointer(to: &nothing) { (pointer: UnsafePointer<UInt8>) throws(KernelError) -> Bool in
        try find(pointer, count: 0, from: 0)
      }
    }
    return try find(base.assumingMemoryBound(to: UInt8.self), count: subject.count, from: start)
  }

  private func find(_ subject: UnsafePointer<UInt8>, count: Int, from start: Int) throws(KernelError) -> Bool {
    var result =
      program.isCompiled
      ? pcre2_jit_match_8(program.code, subject, count, start, 0, data, program.context)
      : pcre2_match_8(program.code, subject, count, start, 0, data, program.context)
    if result == PCRE2_ERROR_JIT_STACKLIMIT {
      result = pcre2_match_8(program.code, subject, count, start, UInt32(PCRE2_NO_JIT), data, program.context)
    }
    if result == PCRE2_ERROR_NOMATCH { return false }
    guard result > 0 else {
      switch result {
      case PCRE2_ERROR_MATCHLIMIT, PCRE2_ERROR_DEPTHLIMIT, PCRE2_ERROR_HEAPLIMIT:
        throw .invalidArgument("Regular expression matching exceeded the limit of steps")
      default: throw KernelError("GENERIC_INTERNAL_ERROR", "Regular expression matching: \(RegexProgram.message(result))")
      }
    }
    for group in Int(result)..<max(Int(result), program.groupCount + 1) {
      offsets[2 * group] = Self.unset
      offsets[2 * group + 1] = Self.unset
    }
    return true
  }

  var start: Int { offsets[0] }
  var end: Int { offsets[1] }

  /// What a group matched; nil when it took no part.
  func range(_ group: Int) -> Range<Int>? {
    let (start, end) = (offsets[2 * group], offsets[2 * group + 1])
    return start >= 0 && start <= end ? start..<end : nil
  }

  /// Calls `body` for every match from left to right. After an empty match the search goes on one character further.
  func forEachMatch(_ subject: UnsafeRawBufferPointer, _ body: () throws(KernelError) -> Void) throws(KernelError) {
    var next = 0
    while next <= subject.count, try find(subject, from: next) {
      next = following(subject)
      try body()
    }
  }

  /// Where the search after the present match begins; beyond the text when nothing can follow.
  func following(_ subject: UnsafeRawBufferPointer) -> Int {
    if end > start { return end }
    return end < subject.count ? UTF8Text.next(subject, after: end) : subject.count + 1
  }
}

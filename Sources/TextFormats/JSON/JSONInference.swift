package import Columnar

/// Finds the columns of JSON files that nobody described (`read_json`): names in order of appearance, types that hold every sampled value.
package struct JSONInference: Sendable {
  package var columns: [Field]
  /// With `isLineDelimited` when every sampled line of every file holds one object.
  package var format: JSONLinesFormat

  /// - Parameters:
  ///   - isLineDelimited: whether every line holds one object; nil is found out.
  ///   - sampleCount: objects looked at in each file.
  package init(_ sources: [TextSource], isLineDelimited: Bool? = nil, sampleCount: Int = 20_480) throws {
    var format = JSONLinesFormat(.plain)
    format.isLineDelimited = isLineDelimited ?? true
    do {
      columns = try Self.columns(of: sources, format, sampleCount)
    } catch let error as TextFormatError where isLineDelimited == nil && error.kind == .badData {
      // Objects over several lines, several on one line, or an array.
      format.isLineDelimited = false
      columns = try Self.columns(of: sources, format, sampleCount)
    }
    self.format = format
  }

  private static func columns(of sources: [TextSource], _ format: JSONLinesFormat, _ sampleCount: Int) throws -> [Field] {
    var shape = Shape.object([])
    for (index, source) in sources.enumerated() {
      TextSource.announceStarts(of: sources, behind: index)
      let sampler = try JSONLinesReader(source.lookedAt, format: format, columns: [], context: QueryContext())
      for _ in 0..<sampleCount {
        guard let next = try sampler.nextShape() else { break }
        shape = shape.merged(with: next)
      }
    }
    guard case .object(let members) = shape else { return [] }
    return members.map { Field($0.key, $0.shape.type) }
  }

  /// What has been seen of one value.
  indirect enum Shape {
    case null, boolean, integer, number, date, timestamp, text
    case array(Shape)
    case object([Member])
    /// Values that no one type holds.
    case mixed

    struct Member {
      var key: String
      var shape: Shape
    }

    var type: SQLType {
      switch self {
      case .null, .text: .varchar
      case .boolean: .boolean
      case .integer: .bigint
      case .number: .double
      case .date: .date
      case .timestamp: .timestamp(precision: 6)
      case .array(let element): .array(element.type)
      case .object(let members):
        members.isEmpty ? .json : .row(members.map { RowField(name: $0.key, type: $0.shape.type) })
      case .mixed: .json
      }
    }

    func merged(with other: Shape) -> Shape {
      switch (self, other) {
      case (.null, let shape), (let shape, .null): return shape
      case (.boolean, .boolean), (.integer, .integer), (.number, .number), (.date, .date), (.timestamp, .timestamp), (.text, .text):
        return self
      case (.integer, .number), (.number, .integer): return .number
      case (.date, .timestamp), (.timestamp, .date): return .timestamp
      case (.date, .text), (.timestamp, .text), (.text, .date), (.text, .timestamp): return .text
      case (.array(let left), .array(let right)): return .array(left.merged(with: right))
      case (.object(var members), .object(let more)):
        for (position, member) in more.enumerated() {
          // Objects of one file nearly always have their keys in one order.
          if position < members.count, members[position].key == member.key {
            members[position].shape = members[position].shape.merged(with: member.shape)
          } else if let index = members.firstIndex(where: { $0.key == member.key }) {
            members[index].shape = members[index].shape.merged(with: member.shape)
          } else {
            members.append(member)
          }
        }
        return .object(members)
      default: return .mixed
      }
    }

    /// The shape of the value at the cursor.
    init(_ cursor: inout JSONCursor, depth: Int = 0) throws(JSONCursor.Malformed) {
      guard depth < 100 else {
        try cursor.skipValue(depth: depth)
        self = .mixed
        return
      }
      switch cursor.peek() {
      case UInt8(ascii: "{"):
        cursor.position += 1
        var members: [Member] = []
        if !cursor.take(UInt8(ascii: "}")) {
          repeat {
            _ = cursor.peek()
            let span = try cursor.string()
            try cursor.expect(UInt8(ascii: ":"), "':'")
            var unescaper = JSONUnescaper()
            guard unescaper.decode(cursor.bytes + span.start, span.count) else { throw cursor.malformed("a string holds an unknown escape") }
            let key = String(decoding: unescaper.bytes, as: UTF8.self)
            let shape = try Shape(&cursor, depth: depth + 1)
            if let index = members.firstIndex(where: { $0.key == key }) {
              members[index].shape = members[index].shape.merged(with: shape)
            } else {
              members.append(Member(key: key, shape: shape))
            }
          } while cursor.take(UInt8(ascii: ","))
          try cursor.expect(UInt8(ascii: "}"), "',' or '}'")
        }
        self = .object(members)
      case UInt8(ascii: "["):
        cursor.position += 1
        var element = Shape.null
        if !cursor.take(UInt8(ascii: "]")) {
          repeat { element = element.merged(with: try Shape(&cursor, depth: depth + 1)) } while cursor.take(UInt8(ascii: ","))
          try cursor.expect(UInt8(ascii: "]"), "',' or ']'")
        }
        self = .array(element)
      case UInt8(ascii: "\""):
        let span = try cursor.string()
        let bytes = cursor.bytes + span.start
        if span.count >= 8, span.count <= 35, !span.hasEscapes, let moment = TimestampText(bytes, span.count), moment.zoneMinutes == nil {
          self = moment.hasTime ? .timestamp : .date
        } else {
          self = .text
        }
      default:
        let start = cursor.position
        let word = cursor.word()
        if cursor.isWord(word, "null") {
          self = .null
        } else if cursor.isWord(word, "true") || cursor.isWord(word, "false") {
          self = .boolean
        } else if cursor.isNumber(word) {
          self = NumberParsing.int64(cursor.bytes + word.lowerBound, word.count) == nil ? .number : .integer
        } else {
          cursor.position = start
          throw cursor.malformed("a value is expected")
        }
      }
    }
  }
}

import Columnar
import Iceberg
import Testing

/// Expected values: Iceberg spec, Appendix B, and sums by hand.
@Suite struct TransformTests {
  private func hash(_ scalar: Scalar) -> Int64? {
    // A bucket count of 2^31 - 1 shows the hash itself, sign bit aside.
    guard case .int(let bucket) = PartitionTransform.bucket(Int(Int32.max)).apply(scalar).value else { return nil }
    return bucket
  }

  private func expected(_ hash: Int32) -> Int64 { Int64(hash & .max) % Int64(Int32.max) }

  @Test("bucket hashes are those of the specification")
  func buckets() {
    let micros: Int64 = 1_510_871_468_000_000  // 2017-11-16 22:31:08
    #expect(hash(.integer(34)) == expected(2_017_239_379))
    #expect(hash(.bigint(34)) == expected(2_017_239_379))
    #expect(hash(Scalar(.decimal(precision: 9, scale: 2), .int(1_420))) == expected(-500_754_589))
    #expect(hash(Scalar(.decimal(precision: 30, scale: 2), .int128(1_420))) == expected(-500_754_589))
    #expect(hash(Scalar(.date, .int(17_486))) == expected(-653_330_422))
    #expect(hash(Scalar(.time(precision: 6), .int(81_068_000_000))) == expected(-662_762_989))
    #expect(hash(Scalar(.timestamp(precision: 6), .int(micros))) == expected(-2_047_944_441))
    #expect(hash(Scalar(.timestamp(precision: 9), .int(micros * 1_000 + 1_001))) == expected(-1_207_196_810))
    #expect(hash(Scalar(.timestampTZ(precision: 6), .timestampTZ(TimestampTZ(instant: micros + 1)))) == expected(-1_207_196_810))
    #expect(hash(.text("iceberg")) == expected(1_210_000_089))
    #expect(hash(Scalar(.varbinary, .bytes([0, 1, 2, 3]))) == expected(-188_683_207))
    let uuid = SingleValue.decode(
      [0xF7, 0x9C, 0x3E, 0x09, 0x67, 0x7C, 0x4B, 0xBD, 0xA4, 0x79, 0x3F, 0x34, 0x9C, 0xB7, 0x85, 0xE7], .uuid)
    #expect(uuid.flatMap { hash(Scalar(.uuid, $0)) } == expected(1_488_055_340))
  }

  @Test("truncation floors numbers and cuts text at code points")
  func truncation() {
    #expect(PartitionTransform.truncate(10).apply(.integer(-1)) == .integer(-10))
    #expect(PartitionTransform.truncate(10).apply(.bigint(19)) == .bigint(10))
    let decimal = SQLType.decimal(precision: 9, scale: 2)
    #expect(PartitionTransform.truncate(50).apply(Scalar(decimal, .int(-5))) == Scalar(decimal, .int(-50)))
    #expect(PartitionTransform.truncate(2).apply(.text("δέλτα")).text == "δέ")
    #expect(PartitionTransform.truncate(9).apply(.text("short")).text == "short")
  }

  @Test("times before 1970 belong to the unit before")
  func times() {
    let lastDay = Scalar(.date, .int(-1))
    #expect(PartitionTransform.year.apply(lastDay).value == .int(-1))
    #expect(PartitionTransform.month.apply(lastDay).value == .int(-1))
    #expect(PartitionTransform.day.apply(lastDay).value == .int(-1))
    #expect(PartitionTransform.hour.apply(Scalar(.timestamp(precision: 6), .int(-1))).value == .int(-1))
    #expect(PartitionTransform.month.pathText(.integer(-1)) == "1969-12")
    #expect(PartitionTransform.hour.pathText(.integer(-1)) == "1969-12-31-23")
    #expect(PartitionTransform.day.pathText(Scalar(.date, .int(17_486))) == "2017-11-16")
  }

  @Test("a column's transform equals that of its values in every encoding")
  func columns() {
    let entries = ColumnBuilder(type: .timestamp(precision: 6))
    let values: [ScalarValue] = [.int(-1), .null, .int(1_510_871_468_000_000), .int(0)]
    for value in values { entries.append(value) }
    let flat = entries.finish()
    let dictionary = Column.dictionary(values: flat, indices: Buffer.of([3, 2, 1, 0] as [UInt32]), count: 4)
    for transform: PartitionTransform in [.year, .month, .day, .hour, .bucket(16), .void] {
      for row in 0..<4 {
        #expect(transform.apply(flat).scalar(at: row) == transform.apply(flat.scalar(at: row)))
        #expect(transform.apply(dictionary).scalar(at: row) == transform.apply(flat.scalar(at: 3 - row)))
      }
    }
  }

  @Test("single values take the shortest bytes and come back")
  func singleValues() {
    let decimal = IcebergType.decimal(precision: 9, scale: 2)
    #expect(SingleValue.encode(.int(1_420), decimal) == [0x05, 0x8C])
    #expect(SingleValue.encode(.int(-1), decimal) == [0xFF])
    #expect(SingleValue.encode(.int(0), decimal) == [0])
    #expect(SingleValue.encode(.int(128), decimal) == [0, 0x80])
    #expect(SingleValue.encode(.int(34), .int) == [0x22, 0, 0, 0])
    #expect(SingleValue.encode(.int(-1), .date) == [0xFF, 0xFF, 0xFF, 0xFF])
    let cases: [(ScalarValue, IcebergType)] = [
      (.int(-5), .int), (.int(.min), .long), (.double(-0.5), .double), (.bytes(Array("iceberg".utf8)), .string), (.boolean(true), .boolean),
      (.int(-129), decimal), (.int128(-170_141_183_460_469_231_731), .decimal(precision: 38, scale: 0)), (.int128(1 << 99), .uuid),
      (.timestampTZ(TimestampTZ(instant: -5)), .timestampTZ),
    ]
    for (value, type) in cases {
      #expect(SingleValue.encode(value, type).flatMap { SingleValue.decode($0, type) } == value)
    }
    // Bounds written before a promotion: int to long, float to double, date to timestamp.
    #expect(SingleValue.decode([0x22, 0, 0, 0], .long) == .int(34))
    #expect(SingleValue.decode([0, 0, 0x80, 0x3F], .double) == .double(1))
    #expect(SingleValue.decode([1, 0, 0, 0], .timestamp) == .int(86_400_000_000))
    #expect(SingleValue.decode([1, 2, 3], .long) == nil)
  }

  @Test("whole columns give what single values give, whatever the encoding", arguments: [
    PartitionTransform.bucket(7), .truncate(3), .truncate(100), .year, .month, .day, .hour, .identity, .void,
  ])
  func columns(_ transform: PartitionTransform) {
    var seed: UInt64 = 1
    func random() -> Int64 {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int64(bitPattern: seed) >> 14
    }
    let words = ["", "a", "ab", "abc", "abcd", "δέλτα", "𝄞𝄞𝄞𝄞", "a text that is longer than twelve bytes", "ααα and more than twelve bytes"]
    func value(_ type: SQLType) -> ScalarValue {
      switch type.physical {
      case .int32: .int(Int64(Int32(truncatingIfNeeded: random())))
      case .int64: .int(random())
      case .int128: .int128(Int128(random()) * 1_000_003)
      case .timestampTZ: .timestampTZ(TimestampTZ(instant: random()))
      default: .bytes(Array(words[Int(random().magnitude % UInt64(words.count))].utf8))
      }
    }
    let types: [SQLType] = [
      .integer, .bigint, .date, .time(precision: 6), .timestamp(precision: 6), .timestamp(precision: 9), .timestampTZ(precision: 6),
      .varchar, .varbinary, .decimal(precision: 10, scale: 2), .decimal(precision: 30, scale: 2),
    ]
    for type in types where transform.resultType(type) != nil {
      let builder = ColumnBuilder(type: type)
      for row in 0..<100 { builder.append(row % 7 == 3 ? .null : value(type)) }
      let flat = builder.finish()
      let indices = (0..<100).map { UInt32(($0 * 37) % 100) }
      let columns = [
        flat, flat.slice(11, 50), Column.dictionary(values: flat, indices: Buffer.of(indices), count: 100), flat.slice(1, 1).asConstant(count: 5),
      ]
      for column in columns {
        let result = transform.apply(column)
        #expect(result.count == column.count)
        let wrong = (0..<column.count).filter { result.scalarValue(at: $0) != transform.apply(column.scalar(at: $0)).value }
        #expect(wrong.isEmpty, "\(transform.text) of \(type)")
      }
    }
  }
}

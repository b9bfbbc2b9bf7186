import Columnar
import Testing

@Suite struct ColumnTests {
  private func strings(_ values: [String?]) -> Column {
    let builder = ColumnBuilder(type: .varchar)
    for value in values {
      if let value { builder.append(text: value) } else { builder.appendNull() }
    }
    return builder.finish()
  }

  private func texts(_ column: Column) -> [String?] { (0..<column.count).map { column.scalar(at: $0).text } }

  @Test("string views of every length from 0 to 40 give their bytes back")
  func viewLengths() {
    let values = (0...40).map { length in String(repeating: "x", count: max(0, length - 1)) + (length > 0 ? "é" : "") }
    #expect(texts(strings(values)) == values)
  }

  @Test("views compare by bytes, the shorter first when one is a prefix of the other")
  func viewOrder() {
    let values = ["", "a", "ab", "abc", "abcd", "abcde", "abcdefghijklm", "abcdefghijklmn", "b", "é"]
    let column = strings(values)
    let views = column.flat.values.pointer(as: StringView.self)
    for left in values.indices {
      for right in values.indices {
        #expect((StringView.compare(views + left, views + right) < 0) == (left < right))
        #expect(StringView.equal(views + left, views + right) == (left == right))
      }
    }
  }

  @Test("take, slice, flatten and concatenate agree on every encoding")
  func encodings() {
    let entries = strings(["short", nil, "a string longer than twelve bytes"])
    let dictionary = Column.dictionary(values: entries, indices: Buffer.of([2, 1, 0, 2] as [UInt32]), count: 4)
    let expected = ["a string longer than twelve bytes", nil, "short", "a string longer than twelve bytes"]
    #expect(texts(dictionary) == expected)
    #expect(texts(dictionary.flattened()) == expected)
    #expect(texts(dictionary.take([3, 1])) == [expected[3], nil])
    #expect(texts(dictionary.slice(1, 2)) == [nil, "short"])
    let constant = Column.constant(.text("c"), count: 2)
    #expect(texts(constant.flattened()) == ["c", "c"])
    #expect(texts(Column.concatenated([dictionary, constant], type: .varchar)) == expected + ["c", "c"])
    let both = Column.concatenated([dictionary, dictionary.slice(0, 1)], type: .varchar)
    #expect(both.dictionary != nil)
    #expect(texts(both) == expected + [expected[0]])
  }

  @Test("dictionaries of few entries are joined, those that are nearly as long as the rows are not; NULLs stay in both places")
  func joinedDictionaries() {
    func column(_ entries: [String?], _ indices: [UInt32], nullAt null: Int? = nil) -> Column {
      let validity = null.map { null in Buffer.of(indices.indices.map { $0 == null ? 0 : 1 } as [UInt8]) }
      return .dictionary(values: strings(entries), indices: Buffer.of(indices), count: indices.count, validity: validity)
    }
    let first = column(["a", nil], [0, 1, 0, 0, 1, 0, 0, 0])
    let second = column(["b", "a"], [1, 0, 0, 1, 0, 0, 0, 0], nullAt: 3)
    let joined = Column.concatenated([first, second, first.slice(0, 2)], type: .varchar)
    let firstTexts = ["a", nil, "a", "a", nil, "a", "a", "a"]
    let secondTexts = ["a", "b", "b", nil, "b", "b", "b", "b"]
    #expect(texts(joined) == firstTexts + secondTexts + ["a", nil])
    #expect(joined.dictionary?.values.count == 4)
    #expect(Column.concatenated([], type: .varchar).count == 0)
    let none = column([], [0, 0], nullAt: 0).slice(0, 1)
    let withNone = Column.concatenated([first, none], type: .varchar)
    #expect(texts(withNone) == firstTexts + [nil])
    #expect(withNone.dictionary?.indices.pointer(as: UInt32.self)[8] == 0)
    let long = column((0..<6).map { "entry \($0)" }, [5, 4, 3, 2, 1, 0, 0, 0])
    let flat = Column.concatenated([first, long], type: .varchar)
    #expect(flat.dictionary == nil)
    #expect(texts(flat) == firstTexts + [5, 4, 3, 2, 1, 0, 0, 0].map { "entry \($0)" })
  }

  @Test("arrays, maps and rows keep their children through take and concatenate")
  func nested() {
    let type = SQLType.row([
      RowField(name: "a", type: .array(.bigint)), RowField(name: "m", type: .map(key: .varchar, value: .double)),
    ])
    let values: [ScalarValue] = [
      .row([.list([.int(1), .null]), .map([ScalarPair(key: .bytes([97]), value: .double(1.5))])]),
      .null,
      .row([.null, .map([])]),
    ]
    let builder = ColumnBuilder(type: type)
    for value in values { builder.append(value) }
    let column = builder.finish()
    #expect((0..<3).map { column.scalarValue(at: $0) } == values)
    let taken = column.take([2, 0])
    #expect(taken.scalarValue(at: 0) == values[2])
    #expect(taken.scalarValue(at: 1) == values[0])
    let twice = Column.concatenated([column, taken], type: type)
    #expect((0..<5).map { twice.scalarValue(at: $0) } == values + [values[2], values[0]])
  }

  @Test("a filter keeps true rows only, not NULL ones")
  func filter() {
    let builder = ColumnBuilder(type: .boolean)
    for value in [true, nil, false, true] as [Bool?] {
      builder.append(value.map { .boolean($0) } ?? .null)
    }
    let batch = Batch(columns: [strings(["a", "b", "c", "d"])], count: 4)
    #expect(texts(batch.filtered(by: builder.finish(), using: Selection()).columns[0]) == ["a", "d"])
  }

  @Test("a reservation is refused beyond the limit and given back at its end")
  func memory() {
    let pool = MemoryPool(limit: 4 << 20)
    do {
      var reservation = MemoryReservation(pool, holder: "test")
      let fits = reservation.reserve(3 << 20)
      let fitsNot = reservation.reserve(5 << 20)
      #expect(fits && !fitsNot)
      #expect(pool.used == 3 << 20)
    }
    #expect(pool.used == 0)
    #expect(pool.peak == 3 << 20)
  }
}

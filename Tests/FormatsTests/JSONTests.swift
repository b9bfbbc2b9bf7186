import JSONText
import Testing

@Suite("JSON")
struct JSONTests {
  @Test("values of every kind are found by key and position")
  func values() throws {
    let document = try JSONDocument(
      #" {"a": [1, -2.50, true, false, null], "b": {"c": "x\"\u00e9\ud83d\ude00\n"}, "": 9007199254740993, "e": {}, "f":[]} "#)
    let root = document.root
    #expect(root.kind == .object && root.count == 5)
    let a = try #require(root["a"])
    #expect(a.count == 5 && a[0]?.int64 == 1 && a[1]?.double == -2.5 && a[1]?.numberText == "-2.50" && a[1]?.int64 == nil)
    #expect(a[2]?.boolean == true && a[3]?.boolean == false && a[4]?.isNull == true && a[5] == nil)
    #expect(root["b"]?["c"]?.string == "x\"é😀\n")
    #expect(root[""]?.int64 == 9_007_199_254_740_993)
    #expect(root["e"]?.count == 0 && root["f"]?.elements.map(\.kind) == [])
    #expect(root["zzz"] == nil && root["a"]?["b"] == nil)
    #expect(root.members.map(\.key) == ["a", "b", "", "e", "f"])
  }

  @Test("the last of repeated keys counts, and keys with escapes are compared decoded")
  func repeatedKeys() throws {
    #expect(try JSONDocument(#"{"k":1,"\u006b":2}"#).root["k"]?.int64 == 2)
  }

  @Test("integers keep all their digits up to 64 bits, doubles are the nearest ones")
  func numbers() throws {
    let root = try JSONDocument(
      "[9223372036854775807,-9223372036854775808,9223372036854775808,-0,1e400,0.1,123456789012345678901234567890,1E+2]").root
    #expect(root[0]?.int64 == .max && root[1]?.int64 == .min && root[2]?.int64 == nil)
    #expect(root[3]?.double?.sign == .minus && root[4]?.double == .infinity && root[5]?.double == 0.1)
    #expect(root[6]?.numberText == "123456789012345678901234567890" && root[7]?.double == 100)
  }

  @Test(
    "text that is not JSON gives an error with its byte offset",
    arguments: [
      ("", 0), ("  ", 2), ("{", 1), ("[1,]", 3), ("[1 2]", 3), ("{\"a\" 1}", 5), ("{a:1}", 1), ("01", 0), ("-", 1), ("1.", 2), ("1e", 2),
      ("\"abc", 0), ("\"\\x\"", 1), ("\"\\u12g4\"", 1), ("tru", 3), ("nul1", 0), ("[1]]", 3), ("{\"a\":1,}", 7), ("\"a\nb\"", 2), ("[,1]", 1),
      ("{\"a\":}", 5), ("[1}", 2),
    ])
  func errors(text: String, offset: Int) throws {
    let error = #expect(throws: JSONError.self) { try JSONDocument(text) }
    #expect(error?.offset == offset, "\(text): \(String(describing: error))")
  }

  @Test("nesting beyond the limit is refused instead of overflowing a stack")
  func depth() throws {
    let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
    #expect(throws: JSONError.self) { try JSONDocument(deep) }
    _ = try JSONDocument(deep, depthLimit: 100_000)
  }

  @Test("every prefix and every one-byte change of a text either parses or fails, never more")
  func mutations() throws {
    let text = Array(#"{"a":[1,2.5e3,"x\n\u00e9",null,true,{"b":[]}],"c":"日本"}"#.utf8)
    for end in 0..<text.count { _ = try? JSONDocument(Array(text[..<end])) }
    for at in text.indices {
      for byte in [UInt8(0), 34, 44, 58, 92, 91, 93, 123, 125, 255] {
        var changed = text
        changed[at] = byte
        if let document = try? JSONDocument(changed) {
          var writer = JSONWriter()
          writer.value(document.root)
          _ = try? JSONDocument(writer.bytes)
          _ = document.root.sourceBytes.count
        }
      }
    }
  }

  @Test("the writer keeps key order, escapes what it must, and writes doubles that read back the same")
  func writing() throws {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("z", "a\"\\\u{1}\n/é")
      writer.member("n", Int64.min)
      writer.member("list") { writer in
        writer.array { writer in
          writer.double(0.1)
          writer.double(1e300)
          writer.double(5)
          writer.double(.nan)
          writer.null()
          writer.boolean(true)
        }
      }
      writer.member("empty") { $0.array { _ in } }
      writer.member("map", ["b": "2", "a": "1"])
    }
    #expect(
      writer.text
        == #"{"z":"a\"\\\u0001\n/é","n":-9223372036854775808,"list":[0.1,1e+300,5.0,"NaN",null,true],"empty":[],"map":{"a":"1","b":"2"}}"#)
    var pretty = JSONWriter(style: .pretty)
    pretty.value(try JSONDocument(#"{"a":[1,{}],"b":[]}"#).root)
    #expect(pretty.text == "{\n  \"a\" : [\n    1,\n    {}\n  ],\n  \"b\" : []\n}")
  }

  @Test("a document can be loaded with line after line")
  func reloading() throws {
    let document = JSONDocument()
    #expect(document.root.isNull)
    for (line, value) in [("{\"a\":1}", 1), ("{\"b\":0,\"a\":2}", 2)] as [(String, Int64)] {
      try Array(line.utf8).withUnsafeBytes { bytes in
        try document.reload(borrowing: bytes)
        #expect(document.root["a"]?.int64 == value)
        #expect(String(decoding: document.root.sourceBytes, as: UTF8.self) == line)
      }
    }
    try Array("{".utf8).withUnsafeBytes { bytes in
      #expect(throws: JSONError.self) { try document.reload(borrowing: bytes) }
      #expect(document.root.isNull)
    }
  }
}

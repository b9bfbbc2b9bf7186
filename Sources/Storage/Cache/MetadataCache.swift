import Synchronization

/// Small objects that never change, whole, in memory: metadata files, manifests and manifest lists. Those used longest ago go first.
///
/// Only objects whose name holds a UUID are kept: by Iceberg's rules no file of a table is ever written a second time, and such a name says
/// that this holds across tables as well. `v3.metadata.json` may be another table's tomorrow. SPEC "File System Operations".
package final class MetadataCache: Sendable {
  private struct Entry {
    var bytes: ByteSlice
    var lastUse: Int
  }

  private struct State {
    var entries: [String: Entry] = [:]
    var byteCount = 0
    var clock = 0
  }

  private let byteLimit: Int
  private let state = Mutex(State())

  package init(byteLimit: Int = 64 << 20) { self.byteLimit = byteLimit }

  package var byteCount: Int { state.withLock { $0.byteCount } }

  package subscript(_ location: Location) -> ByteSlice? {
    state.withLock { state in
      guard let entry = state.entries[location.canonicalText] else { return nil }
      state.clock += 1
      state.entries[location.canonicalText]?.lastUse = state.clock
      return entry.bytes
    }
  }

  /// Keeps an object, unless its name is one that may come again, or it would take too much of the room.
  package func insert(_ bytes: ByteSlice, at location: Location) {
    guard location.hasUniqueName, bytes.count <= byteLimit / 4 else { return }
    state.withLock { state in
      state.clock += 1
      let old = state.entries.updateValue(Entry(bytes: bytes, lastUse: state.clock), forKey: location.canonicalText)
      state.byteCount += bytes.count - (old?.bytes.count ?? 0)
      guard state.byteCount > byteLimit else { return }
      // A quarter at a time, so that sorting pays.
      for (key, entry) in state.entries.sorted(by: { $0.value.lastUse < $1.value.lastUse }) where state.byteCount > byteLimit / 4 * 3 {
        state.entries[key] = nil
        state.byteCount -= entry.bytes.count
      }
    }
  }

  package func remove(_ location: Location) {
    state.withLock { state in
      if let entry = state.entries.removeValue(forKey: location.canonicalText) { state.byteCount -= entry.bytes.count }
    }
  }

  package func removeAll(below folder: Location) {
    let prefix = Location(folder.folderText).canonicalText
    state.withLock { state in
      for (key, entry) in state.entries where key.hasPrefix(prefix) {
        state.entries[key] = nil
        state.byteCount -= entry.bytes.count
      }
    }
  }
}

extension Location {
  /// Whether the last part of the path holds a UUID, `8-4-4-4-12` hexadecimal digits: no other object is ever called so.
  package var hasUniqueName: Bool {
    let bytes = Array(name.utf8)
    let groups = [8, 4, 4, 4, 12]
    let length = groups.reduce(groups.count - 1, +)
    guard bytes.count >= length else { return false }
    return (0...bytes.count - length).contains { start in
      var position = start
      for (index, count) in groups.enumerated() {
        if index > 0 {
          guard bytes[position] == UInt8(ascii: "-") else { return false }
          position += 1
        }
        guard bytes[position..<position + count].allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }) else { return false }
        position += count
      }
      return true
    }
  }
}

import JSONText
package import Storage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A catalog in a directory: one JSON document per database, table and partition list.
///
///     <root>/lock                          taken by whoever writes
///     <root>/commit.journal.json           while a transaction over several tables commits (`CommitJournal`)
///     <root>/<database>/_database.json
///     <root>/<database>/<table>.table.json
///     <root>/<database>/<table>.partitions.json
///
/// A document is replaced by writing a temporary file, syncing and renaming it, so readers need no lock and a crash leaves the old or
/// the new one. Writers hold an advisory lock on `lock`, which the system releases when a process ends, and check versions under it.
/// The database `default` always exists.
package struct LocalCatalog: Catalog {
  package let name: String
  package let warehouse: String?
  private let root: String
  private let store: any ObjectStore
  private let journal: CommitJournal
  /// Seconds since 1970 UTC.
  private let now: @Sendable () -> Int64

  private static let defaultDatabase = "default"
  private static let lockTimeoutMilliseconds = 30_000

  /// - Parameters:
  ///   - name: what its entries are said to be of.
  ///   - warehouse: see `Catalog.warehouse`.
  ///   - root: a directory; it and what is below come into being with the first write.
  ///   - store: holds the documents; tests put one there that fails on demand.
  package init(
    name: String = "local", warehouse: String? = nil, root: String, store: any ObjectStore = LocalStore(), now: @escaping @Sendable () -> Int64
  ) {
    self.name = name
    self.warehouse = warehouse
    self.root = root
    self.store = store
    journal = CommitJournal(root: root, store: store)
    self.now = now
  }

  // MARK: Databases

  package func databases() async throws(CatalogError) -> [CatalogDatabase] {
    var found: [CatalogDatabase] = []
    for folder in try entries(of: root) {
      if let database = try await readDatabase(Self.decoded(folder)) { found.append(database) }
    }
    if !found.contains(where: { $0.name == Self.defaultDatabase }) {
      found.append(CatalogDatabase(name: Self.defaultDatabase))
    }
    return found.sorted { $0.name < $1.name }
  }

  package func database(_ name: String) async throws(CatalogError) -> CatalogDatabase {
    if let database = try await readDatabase(name) { return database }
    if name == Self.defaultDatabase { return CatalogDatabase(name: name) }
    throw CatalogError(.databaseNotFound, "Schema '\(name)' does not exist")
  }

  package func createDatabase(_ database: CatalogDatabase) async throws(CatalogError) {
    try await locked { () async throws(CatalogError) in
      if try await readDatabase(database.name) != nil || database.name == Self.defaultDatabase {
        throw CatalogError(.databaseAlreadyExists, "Schema '\(database.name)' already exists")
      }
      var stored = database
      stored.createTime = now()
      try await put(CatalogDocument.bytes(stored), at: databasePath(database.name))
    }
  }

  package func updateDatabase(_ database: CatalogDatabase) async throws(CatalogError) {
    try await locked { () async throws(CatalogError) in
      var stored = database
      stored.createTime = try await self.database(database.name).createTime
      try await put(CatalogDocument.bytes(stored), at: databasePath(database.name))
    }
  }

  package func dropDatabase(_ name: String) async throws(CatalogError) {
    try await locked { () async throws(CatalogError) in
      _ = try await database(name)
      guard name != Self.defaultDatabase else {
        throw CatalogError(.databaseNotEmpty, "Schema 'default' cannot be dropped")
      }
      guard try entries(of: folder(name)).allSatisfy({ !$0.hasSuffix(Self.tableSuffix) }) else {
        throw CatalogError(.databaseNotEmpty, "Cannot drop non-empty schema '\(name)'")
      }
      try await remove([databasePath(name)])
      _ = unsafe rmdir(folder(name))  // left behind when something foreign lies in it
    }
  }

  // MARK: Tables

  package func tables(in database: String) async throws(CatalogError) -> [CatalogTable] {
    _ = try await self.database(database)
    var found: [CatalogTable] = []
    for name in try entries(of: folder(database)) where name.hasSuffix(Self.tableSuffix) {
      let table = Self.decoded(String(name.dropLast(Self.tableSuffix.count)))
      if let entry = try await readTable(table, in: database) { found.append(entry) }
    }
    return found.sorted { $0.name < $1.name }
  }

  package func table(_ name: String, in database: String) async throws(CatalogError) -> CatalogTable {
    if let table = try await readTable(name, in: database) { return table }
    _ = try await self.database(database)
    throw CatalogError(.tableNotFound, "Table '\(database).\(name)' does not exist")
  }

  package func createTable(_ table: CatalogTable) async throws(CatalogError) {
    try await locked { () async throws(CatalogError) in
      _ = try await database(table.database)
      if try await readTable(table.name, in: table.database) != nil {
        throw CatalogError(.tableAlreadyExists, "Table '\(table.database).\(table.name)' already exists")
      }
      var stored = table
      stored.version = 0
      stored.createTime = now()
      stored.updateTime = stored.createTime
      // A process that died while dropping a table of this name may have left its partitions.
      try await remove([partitionsPath(table.name, table.database)])
      try await put(CatalogDocument.bytes(stored), at: tablePath(table.name, table.database))
    }
  }

  package func updateTables(_ tables: [CatalogTable]) async throws(CatalogError) {
    try await locked { () async throws(CatalogError) in
      var documents: [CommitJournal.Document] = []
      for table in tables.sorted(by: { ($0.database, $0.name) < ($1.database, $1.name) }) {
        let current = try await self.table(table.name, in: table.database)
        guard current.version == table.version else {
          throw CatalogError(
            .versionConflict,
            "Table '\(table.database).\(table.name)' was changed by somebody else (version \(current.version), expected \(table.version))")
        }
        // One that is only held against its version stays as it is.
        guard table != current else { continue }
        var stored = table
        stored.version += 1
        stored.createTime = current.createTime
        stored.updateTime = now()
        documents.append(
          CommitJournal.Document(path: relative(tablePath(table.name, table.database)), content: CatalogDocument.bytes(stored)))
      }
      if documents.count == 1 {
        try await put(documents[0].content, at: root + "/" + documents[0].path)
      } else if !documents.isEmpty {
        try await journal.replace(documents)
      }
    }
  }

  package func dropTable(_ name: String, in database: String) async throws(CatalogError) {
    try await locked { () async throws(CatalogError) in
      _ = try await table(name, in: database)
      try await remove([tablePath(name, database), partitionsPath(name, database)])
    }
  }

  package func renameTable(_ name: String, in database: String, to newName: String, in newDatabase: String)
    async throws(CatalogError)
  {
    try await locked { () async throws(CatalogError) in
      var entry = try await table(name, in: database)
      _ = try await self.database(newDatabase)
      if try await readTable(newName, in: newDatabase) != nil {
        throw CatalogError(.tableAlreadyExists, "Table '\(newDatabase).\(newName)' already exists")
      }
      entry.name = newName
      entry.database = newDatabase
      entry.version += 1
      entry.updateTime = now()
      let partitions = try await readPartitions(name, database)
      if partitions.isEmpty {
        try await remove([partitionsPath(newName, newDatabase)])
      } else {
        try await put(CatalogDocument.bytes(partitions), at: partitionsPath(newName, newDatabase))
      }
      try await put(CatalogDocument.bytes(entry), at: tablePath(newName, newDatabase))
      try await remove([tablePath(name, database), partitionsPath(name, database)])
    }
  }

  // MARK: Partitions

  package func partitions(of table: String, in database: String) async throws(CatalogError) -> [CatalogPartition] {
    _ = try await self.table(table, in: database)
    return try await readPartitions(table, database)
  }

  package func addPartitions(
    _ partitions: [CatalogPartition], to table: String, in database: String, ifNotExists: Bool
  ) async throws(CatalogError) {
    try await locked { () async throws(CatalogError) in
      _ = try await self.table(table, in: database)
      var all = try await readPartitions(table, database)
      var known = Set(all.map(\.values))
      for partition in partitions {
        guard known.insert(partition.values).inserted else {
          if ifNotExists { continue }
          throw CatalogError(
            .partitionAlreadyExists, "Partition already exists: \(partition.values.joined(separator: "/"))")
        }
        all.append(partition)
      }
      all.sort { $0.values.lexicographicallyPrecedes($1.values) }
      try await put(CatalogDocument.bytes(all), at: partitionsPath(table, database))
    }
  }

  package func dropPartitions(_ values: [[String]], of table: String, in database: String) async throws(CatalogError) {
    try await locked { () async throws(CatalogError) in
      _ = try await self.table(table, in: database)
      let dropped = Set(values)
      let kept = try await readPartitions(table, database).filter { !dropped.contains($0.values) }
      try await put(CatalogDocument.bytes(kept), at: partitionsPath(table, database))
    }
  }

  // MARK: Documents

  private static let tableSuffix = ".table.json"

  private func folder(_ database: String) -> String { root + "/" + Self.encoded(database) }
  private func databasePath(_ name: String) -> String { folder(name) + "/_database.json" }
  private func tablePath(_ name: String, _ database: String) -> String {
    folder(database) + "/" + Self.encoded(name) + Self.tableSuffix
  }
  private func partitionsPath(_ name: String, _ database: String) -> String {
    folder(database) + "/" + Self.encoded(name) + ".partitions.json"
  }

  /// A path of this catalog below its root.
  private func relative(_ path: String) -> String { String(path.dropFirst(root.count + 1)) }

  private func readDatabase(_ name: String) async throws(CatalogError) -> CatalogDatabase? {
    try await read(databasePath(name), CatalogDocument.database)
  }

  private func readTable(_ name: String, in database: String) async throws(CatalogError) -> CatalogTable? {
    try await read(tablePath(name, database)) { bytes throws(JSONError) in try CatalogDocument.table(bytes, of: self.name) }
  }

  private func readPartitions(_ name: String, _ database: String) async throws(CatalogError) -> [CatalogPartition] {
    try await read(partitionsPath(name, database), CatalogDocument.partitions) ?? []
  }

  private func read<Value>(_ path: String, _ parse: ([UInt8]) throws(JSONError) -> Value) async throws(CatalogError)
    -> Value?
  {
    let bytes: [UInt8]
    if let committed = try await journal.content(of: relative(path)) {
      bytes = committed
    } else {
      do throws(StorageError) {
        bytes = try await store.read(Location(path)).array
      } catch {
        if error.kind == .notFound { return nil }
        throw CatalogError(storage: error)
      }
    }
    do throws(JSONError) {
      return try parse(bytes)
    } catch {
      throw CatalogError(.corrupt, "catalog document \(path): \(error)")
    }
  }

  private func put(_ bytes: [UInt8], at path: String) async throws(CatalogError) {
    do throws(StorageError) {
      _ = try await store.write(Location(path), ByteSlice(bytes))
    } catch {
      throw CatalogError(storage: error)
    }
  }

  private func remove(_ paths: [String]) async throws(CatalogError) {
    do throws(StorageError) {
      try await store.delete(paths.map { Location($0) })
    } catch {
      throw CatalogError(storage: error)
    }
  }

  private func entries(of folder: String) throws(CatalogError) -> [String] {
    guard let directory = unsafe opendir(folder) else {
      if errno == ENOENT { return [] }
      throw CatalogError(.inputOutput, "\(folder): \(unsafe String(cString: strerror(errno)))")
    }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }

  /// Names as file names: letters, digits, `_`, `-` as they are, other bytes as `%XX`.
  private static func encoded(_ name: String) -> String {
    var text = ""
    for byte in name.utf8 {
      let isPlain =
        (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5A) || (byte >= 0x61 && byte <= 0x7A) || byte == 0x5F
        || byte == 0x2D
      if isPlain {
        text.unicodeScalars.append(UnicodeScalar(byte))
      } else {
        text += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return text
  }

  private static func decoded(_ file: String) -> String {
    var bytes: [UInt8] = []
    var rest = Array(file.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  // MARK: The lock

  /// Runs `body` while no other writer of this catalog runs, in this process or another.
  private func locked<Value: Sendable>(_ body: () async throws(CatalogError) -> Value) async throws(CatalogError) -> Value {
    let descriptor = try openLock()
    defer { close(descriptor) }
    var waited = 0
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK || errno == EINTR else {
        throw CatalogError(.inputOutput, "\(root)/lock: \(unsafe String(cString: strerror(errno)))")
      }
      guard waited < Self.lockTimeoutMilliseconds else {
        throw CatalogError(.lockTimeout, "the catalog in \(root) is locked by another process")
      }
      // A short sleep, not a blocking wait: this may run on a thread of the cooperative pool.
      do { try await Task.sleep(for: .milliseconds(2)) } catch {
        throw CatalogError(.lockTimeout, "cancelled while waiting for the catalog's lock")
      }
      waited += 2
    }
    try await journal.replay()
    return try await body()
  }

  private func openLock() throws(CatalogError) -> Int32 {
    let path = root + "/lock"
    for isSecondTry in [false, true] {
      let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
      if descriptor >= 0 { return descriptor }
      guard errno == ENOENT, !isSecondTry else { break }
      makeFolders(root)
    }
    throw CatalogError(.inputOutput, "\(path): \(unsafe String(cString: strerror(errno)))")
  }

  private func makeFolders(_ path: String) {
    var partial = path.hasPrefix("/") ? "/" : ""
    for component in path.split(separator: "/") {
      partial += (partial.isEmpty || partial.hasSuffix("/") ? "" : "/") + component
      _ = unsafe mkdir(partial, 0o777)  // a failure shows when the lock is opened
    }
  }
}

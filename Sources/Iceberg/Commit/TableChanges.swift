package import JSONText

/// What leads from one state of a table to the next, as a catalog that keeps the states itself is told: updates, and what must hold for them.
///
/// The catalog may make them on a newer state than the one they were made for, as long as the requirements hold: what they do not speak
/// of stays as others have left it.
///
/// - Source: Iceberg REST specification, `TableUpdate` and `TableRequirement`; which update brings which requirement is Java's UpdateRequirements.
package struct TableChanges: Sendable {
  package private(set) var updates: [Update] = []
  package private(set) var requirements: [Requirement] = []

  package enum Update: Sendable {
    case assignUUID(String)
    case upgradeFormatVersion(Int)
    case addSchema(IcebergSchema)
    /// Nil is the schema that was added last.
    case setCurrentSchema(Int32?)
    case addSpec(PartitionSpec)
    case setDefaultSpec(Int32?)
    case addSortOrder(IcebergSortOrder)
    case setDefaultSortOrder(Int32?)
    case setLocation(String)
    case setProperties([String: String])
    case removeProperties([String])
    case addSnapshot(Snapshot, formatVersion: Int)
    case setReference(String, SnapshotReference)
    case removeReference(String)
    case setStatistics(JSONValue, isOfPartitions: Bool)
    case removeStatistics(snapshotID: Int64, isOfPartitions: Bool)
    case removeSnapshots([Int64])
    case removeSpecs([Int32])
    case removeSchemas([Int32])
  }

  package enum Requirement: Sendable, Hashable {
    case create
    case uuid(String)
    case reference(String, snapshotID: Int64?)
    case lastColumnID(Int32)
    case currentSchema(Int32)
    case lastPartitionID(Int32)
    case defaultSpec(Int32)
    case defaultSortOrder(Int32)
  }

  /// What makes a table.
  package init(creating new: TableMetadata) {
    if let uuid = new.tableUUID { updates.append(.assignUUID(uuid)) }
    updates += [
      .upgradeFormatVersion(new.formatVersion), .addSchema(new.schema), .setCurrentSchema(nil), .addSpec(new.partitionSpec), .setDefaultSpec(nil),
      .addSortOrder(new.sortOrder), .setDefaultSortOrder(nil), .setLocation(new.location),
    ]
    if !new.properties.isEmpty { updates.append(.setProperties(new.properties)) }
    updates += new.snapshots.map { .addSnapshot($0, formatVersion: new.formatVersion) }
    updates += new.allReferences.sorted { $0.key < $1.key }.map { .setReference($0.key, $0.value) }
    requirements = [.create]
  }

  /// Only the rows of a table must be what they are: for tables that a transaction has read.
  package init(unchanged base: TableMetadata) {
    require(uuidOf: base)
    for (name, reference) in base.allReferences.sorted(by: { $0.key < $1.key }) { require(.reference(name, snapshotID: reference.snapshotID)) }
  }

  package init(from base: TableMetadata, to new: TableMetadata) {
    require(uuidOf: base)
    if base.tableUUID == nil, let uuid = new.tableUUID { updates.append(.assignUUID(uuid)) }
    if new.formatVersion != base.formatVersion { updates.append(.upgradeFormatVersion(new.formatVersion)) }
    compareDefinitions(base, new)
    if new.location != base.location { updates.append(.setLocation(new.location)) }
    let changed = new.properties.filter { base.properties[$0.key] != $0.value }
    if !changed.isEmpty { updates.append(.setProperties(changed)) }
    let removed = base.properties.keys.filter { new.properties[$0] == nil }.sorted()
    if !removed.isEmpty { updates.append(.removeProperties(removed)) }
    compareSnapshots(base, new)
    let schemas = base.schemas.map(\.id).filter { new.schema(id: $0) == nil }
    let specs = base.partitionSpecs.map(\.id).filter { new.partitionSpec(id: $0) == nil }
    if !specs.isEmpty {
      updates.append(.removeSpecs(specs))
      require(.defaultSpec(base.defaultSpecID))
    }
    if !schemas.isEmpty {
      updates.append(.removeSchemas(schemas))
      require(.currentSchema(base.currentSchemaID))
    }
    if !specs.isEmpty || !schemas.isEmpty {
      for (name, reference) in base.allReferences.sorted(by: { $0.key < $1.key }) where reference.kind == .branch {
        require(.reference(name, snapshotID: reference.snapshotID))
      }
    }
  }

  private mutating func compareDefinitions(_ base: TableMetadata, _ new: TableMetadata) {
    let schemas = new.schemas.filter { base.schema(id: $0.id) == nil }
    for schema in schemas {
      updates.append(.addSchema(schema))
      require(.lastColumnID(base.lastColumnID))
    }
    if new.currentSchemaID != base.currentSchemaID {
      updates.append(.setCurrentSchema(schemas.last?.id == new.currentSchemaID ? nil : new.currentSchemaID))
      require(.currentSchema(base.currentSchemaID))
    }
    let specs = new.partitionSpecs.filter { base.partitionSpec(id: $0.id) == nil }
    for spec in specs {
      updates.append(.addSpec(spec))
      require(.lastPartitionID(base.lastPartitionID))
    }
    if new.defaultSpecID != base.defaultSpecID {
      updates.append(.setDefaultSpec(specs.last?.id == new.defaultSpecID ? nil : new.defaultSpecID))
      require(.defaultSpec(base.defaultSpecID))
    }
    let orders = new.sortOrders.filter { order in !base.sortOrders.contains { $0.id == order.id } }
    updates += orders.map { .addSortOrder($0) }
    if new.defaultSortOrderID != base.defaultSortOrderID {
      updates.append(.setDefaultSortOrder(orders.last?.id == new.defaultSortOrderID ? nil : new.defaultSortOrderID))
      require(.defaultSortOrder(base.defaultSortOrderID))
    }
  }

  private mutating func compareSnapshots(_ base: TableMetadata, _ new: TableMetadata) {
    updates += new.snapshots.filter { base.snapshot(id: $0.id) == nil }.map { .addSnapshot($0, formatVersion: new.formatVersion) }
    let (before, after) = (base.allReferences, new.allReferences)
    for (name, reference) in after.sorted(by: { $0.key < $1.key }) where before[name] != reference {
      updates.append(.setReference(name, reference))
      require(.reference(name, snapshotID: before[name]?.snapshotID))
    }
    for (name, reference) in before.sorted(by: { $0.key < $1.key }) where after[name] == nil {
      updates.append(.removeReference(name))
      require(.reference(name, snapshotID: reference.snapshotID))
    }
    compareStatistics(base.statistics, new.statistics, isOfPartitions: false)
    compareStatistics(base.partitionStatistics, new.partitionStatistics, isOfPartitions: true)
    let removed = base.snapshots.map(\.id).filter { new.snapshot(id: $0) == nil }
    guard !removed.isEmpty else { return }
    updates.append(.removeSnapshots(removed))
    // What expires was chosen by the references: none may have moved.
    for (name, reference) in before.sorted(by: { $0.key < $1.key }) { require(.reference(name, snapshotID: reference.snapshotID)) }
  }

  private mutating func compareStatistics(_ before: JSONValue?, _ after: JSONValue?, isOfPartitions: Bool) {
    func bySnapshot(_ list: JSONValue?) -> [Int64: JSONValue] {
      var found: [Int64: JSONValue] = [:]
      if let list { for element in list.elements { if let id = element["snapshot-id"]?.int64 { found[id] = element } } }
      return found
    }
    let (old, new) = (bySnapshot(before), bySnapshot(after))
    for (id, entry) in new.sorted(by: { $0.key < $1.key }) where old[id].map({ !$0.sourceBytes.elementsEqual(entry.sourceBytes) }) ?? true {
      updates.append(.setStatistics(entry, isOfPartitions: isOfPartitions))
    }
    for id in old.keys.sorted() where new[id] == nil { updates.append(.removeStatistics(snapshotID: id, isOfPartitions: isOfPartitions)) }
  }

  private mutating func require(uuidOf base: TableMetadata) { if let uuid = base.tableUUID { require(.uuid(uuid)) } }

  /// The first requirement of a kind counts.
  private mutating func require(_ requirement: Requirement) { if !requirements.contains(requirement) { requirements.append(requirement) } }

  // MARK: Whether they were made

  /// Whether a state that came later has everything that the changes say, whoever did it.
  ///
  /// - Returns: nil when only they can have been undone or never made, and the state does not tell which.
  package func areContained(in state: TableMetadata, madeFrom base: TableMetadata) -> Bool? {
    let added = updates.compactMap { update in if case .addSnapshot(let snapshot, _) = update { snapshot.id } else { nil } }
    if !added.isEmpty {
      // Ids of snapshots are random: one that is there, or is somebody's parent, is ours.
      let known = Set(state.snapshots.map(\.id) + state.snapshots.compactMap(\.parentID) + state.snapshotLog.map(\.snapshotID))
      return !known.isDisjoint(with: added)
    }
    let made = Set(TableChanges(from: base, to: state).updates.map(\.text))
    return updates.allSatisfy { made.contains($0.text) } ? true : nil
  }
}

// MARK: JSON

extension TableChanges {
  /// `"requirements": […], "updates": […]`, into an object that is open.
  package func write(to json: inout JSONWriter) {
    json.member("requirements") { json in json.array { json in for requirement in requirements { requirement.write(to: &json) } } }
    json.member("updates") { json in json.array { json in for update in updates { update.write(to: &json) } } }
  }
}

extension TableChanges.Update {
  fileprivate var text: String {
    var json = JSONWriter(style: .compact)
    write(to: &json)
    return json.text
  }

  fileprivate func write(to json: inout JSONWriter) {
    json.object { json in
      json.member("action", action)
      switch self {
      case .assignUUID(let uuid): json.member("uuid", uuid)
      case .upgradeFormatVersion(let version): json.member("format-version", version)
      case .addSchema(let schema):
        json.member("schema") { schema.write(to: &$0) }
        json.member("last-column-id", schema.highestFieldID)
      case .setCurrentSchema(let id): json.member("schema-id", id ?? -1)
      case .addSpec(let spec): json.member("spec") { spec.write(to: &$0) }
      case .setDefaultSpec(let id): json.member("spec-id", id ?? -1)
      case .addSortOrder(let order): json.member("sort-order") { order.write(to: &$0) }
      case .setDefaultSortOrder(let id): json.member("sort-order-id", id ?? -1)
      case .setLocation(let location): json.member("location", location)
      case .setProperties(let properties): json.member("updates", properties)
      case .removeProperties(let keys): json.member("removals") { json in json.array { json in for key in keys { json.string(key) } } }
      case .addSnapshot(let snapshot, let version): json.member("snapshot") { snapshot.write(to: &$0, formatVersion: version) }
      case .setReference(let name, let reference):
        json.member("ref-name", name)
        reference.writeMembers(to: &json)
      case .removeReference(let name): json.member("ref-name", name)
      case .setStatistics(let entry, let isOfPartitions):
        if let id = entry["snapshot-id"]?.int64, !isOfPartitions { json.member("snapshot-id", id) }
        json.member(isOfPartitions ? "partition-statistics" : "statistics") { $0.value(entry) }
      case .removeStatistics(let id, _): json.member("snapshot-id", id)
      case .removeSnapshots(let ids): json.member("snapshot-ids") { json in json.array { json in for id in ids { json.integer(id) } } }
      case .removeSpecs(let ids): json.member("spec-ids") { json in json.array { json in for id in ids { json.integer(Int64(id)) } } }
      case .removeSchemas(let ids): json.member("schema-ids") { json in json.array { json in for id in ids { json.integer(Int64(id)) } } }
      }
    }
  }

  private var action: String {
    switch self {
    case .assignUUID: "assign-uuid"
    case .upgradeFormatVersion: "upgrade-format-version"
    case .addSchema: "add-schema"
    case .setCurrentSchema: "set-current-schema"
    case .addSpec: "add-spec"
    case .setDefaultSpec: "set-default-spec"
    case .addSortOrder: "add-sort-order"
    case .setDefaultSortOrder: "set-default-sort-order"
    case .setLocation: "set-location"
    case .setProperties: "set-properties"
    case .removeProperties: "remove-properties"
    case .addSnapshot: "add-snapshot"
    case .setReference: "set-snapshot-ref"
    case .removeReference: "remove-snapshot-ref"
    case .setStatistics(_, let isOfPartitions): isOfPartitions ? "set-partition-statistics" : "set-statistics"
    case .removeStatistics(_, let isOfPartitions): isOfPartitions ? "remove-partition-statistics" : "remove-statistics"
    case .removeSnapshots: "remove-snapshots"
    case .removeSpecs: "remove-partition-specs"
    case .removeSchemas: "remove-schemas"
    }
  }
}

extension TableChanges.Requirement {
  fileprivate func write(to json: inout JSONWriter) {
    json.object { json in
      switch self {
      case .create: json.member("type", "assert-create")
      case .uuid(let uuid):
        json.member("type", "assert-table-uuid")
        json.member("uuid", uuid)
      case .reference(let name, let id):
        json.member("type", "assert-ref-snapshot-id")
        json.member("ref", name)
        json.member("snapshot-id") { json in if let id { json.integer(id) } else { json.null() } }
      case .lastColumnID(let id):
        json.member("type", "assert-last-assigned-field-id")
        json.member("last-assigned-field-id", id)
      case .currentSchema(let id):
        json.member("type", "assert-current-schema-id")
        json.member("current-schema-id", id)
      case .lastPartitionID(let id):
        json.member("type", "assert-last-assigned-partition-id")
        json.member("last-assigned-partition-id", id)
      case .defaultSpec(let id):
        json.member("type", "assert-default-spec-id")
        json.member("default-spec-id", id)
      case .defaultSortOrder(let id):
        json.member("type", "assert-default-sort-order-id")
        json.member("default-sort-order-id", id)
      }
    }
  }
}

import Columnar
import Parquet
import Planner

/// Decides per row group what has to be read, from the engine's conditions on delivered columns.
struct ParquetPruning {
  enum Decision {
    case read([Range<Int>]?)
    case skip(String)
  }

  private let file: ParquetFile
  private let predicates: [Parquet.ColumnPredicate]

  /// - Parameters:
  ///   - predicates: their `column` is an index into `nodes`.
  ///   - nodes: the file's column behind each delivered column; nil where there is none.
  init(file: ParquetFile, predicates: [Planner.ColumnPredicate], nodes: [ColumnNode?]) {
    self.file = file
    self.predicates = predicates.compactMap { predicate in
      guard nodes.indices.contains(predicate.column), let node = nodes[predicate.column], case .leaf(let leaf) = node.shape
      else { return nil }
      return Self.translate(predicate.test).map { Parquet.ColumnPredicate(leaf: leaf.index, $0) }
    }
  }

  /// Begins to read what tests will look at, when the file is far away.
  func announce(_ rowGroups: [Int]) {
    if !predicates.isEmpty, !rowGroups.isEmpty { file.announcePruning(of: rowGroups, where: predicates) }
  }

  func test(_ rowGroup: Int) throws(ParquetError) -> Decision {
    guard !predicates.isEmpty else { return .read(nil) }
    switch file.select(rowGroup: rowGroup, where: predicates) {
    case .all: return .read(nil)
    case .some(let ranges): return .read(ranges)
    case .noneByStatistics: return .skip("statistics")
    case .noneByBloomFilter: return .skip("Bloom filter")
    case .noneByPageIndex: return .skip("page index")
    }
  }

  private static func translate(_ test: Planner.ColumnPredicate.Test) -> Parquet.ColumnPredicate.Test? {
    switch test {
    case .equal(let scalar): .equal(scalar)
    case .less(let scalar): .less(scalar)
    case .lessOrEqual(let scalar): .lessOrEqual(scalar)
    case .greater(let scalar): .greater(scalar)
    case .greaterOrEqual(let scalar): .greaterOrEqual(scalar)
    case .oneOf(let scalars): .isIn(scalars)
    case .isNull: .isNull
    case .isNotNull: .isNotNull
    // Bytes from the prefix on; what follows it is left to the filter.
    case .startsWith(let scalar): .greaterOrEqual(scalar)
    case .notEqual: nil
    }
  }
}

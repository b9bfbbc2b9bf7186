/// A type as written, in Trino's words (`varchar`, `row(a bigint)`) or Hive's (`string`, `struct<a:bigint>`), not yet resolved.
package struct TypeName: Sendable, Hashable {
  package var kind: TypeNameKind
  @NotCompared package var range: SourceRange

  package init(_ kind: TypeNameKind, range: SourceRange = .unknown) {
    self.kind = kind
    self.range = range
  }

  /// A type without parameters.
  package init(simple name: String) {
    self.init(.named(Identifier(name), []))
  }
}

package indirect enum TypeNameKind: Sendable, Hashable {
  /// `bigint`, `varchar(10)`, `decimal(5, 2)`, `qdigest(bigint)`, `string`, `timestamp_ntz`. `DOUBLE PRECISION` arrives as `double`.
  case named(Identifier, [TypeArgument])
  /// `array(T)`, `array<T>`, `list<T>`, `T ARRAY`
  case array(TypeName)
  case map(TypeName, TypeName)
  /// `row(a T, U)`, `struct<a: T COMMENT 's', b: U>`
  case row([RowFieldName])
  /// `time(p) [WITH | WITHOUT TIME ZONE]`
  case time(precision: Int?, withTimeZone: Bool)
  /// `timestamp(p) [WITH | WITHOUT TIME ZONE]`
  case timestamp(precision: Int?, withTimeZone: Bool)
  /// `INTERVAL YEAR TO MONTH`, `INTERVAL DAY TO SECOND`
  case interval(from: IntervalLiteral.Unit, to: IntervalLiteral.Unit)
}

package enum TypeArgument: Sendable, Hashable {
  case number(NumberLiteral)
  case type(TypeName)
}

package struct RowFieldName: Sendable, Hashable {
  /// Nil for an anonymous field of `row(…)`.
  package var name: Identifier?
  package var type: TypeName
  package var isNotNull: Bool
  package var comment: StringLiteral?
}

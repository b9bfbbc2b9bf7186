enum IcebergTestsPlaceholder {}

enum IcebergPlaceholder {}

enum ColumnarTestsPlaceholder {}

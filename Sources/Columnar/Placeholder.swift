enum ColumnarPlaceholder {}

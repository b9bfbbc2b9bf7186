enum AvroPlaceholder {}

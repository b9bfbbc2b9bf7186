enum TextFormatsTestsPlaceholder {}

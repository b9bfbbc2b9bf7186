enum FunctionsTestsPlaceholder {}

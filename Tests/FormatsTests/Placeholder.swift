enum FormatsTestsPlaceholder {}

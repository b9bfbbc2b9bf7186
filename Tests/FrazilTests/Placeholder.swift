enum FrazilTestsPlaceholder {}

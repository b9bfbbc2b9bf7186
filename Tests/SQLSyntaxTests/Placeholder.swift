enum SQLSyntaxTestsPlaceholder {}

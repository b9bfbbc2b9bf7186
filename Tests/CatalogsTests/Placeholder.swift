enum CatalogsTestsPlaceholder {}

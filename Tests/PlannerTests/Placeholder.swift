enum PlannerTestsPlaceholder {}

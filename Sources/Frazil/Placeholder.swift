enum FrazilPlaceholder {}

enum TextFormatsPlaceholder {}

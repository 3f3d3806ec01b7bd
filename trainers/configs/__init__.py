"""Config files, one for each model family; the argument after the colon is the data set."""

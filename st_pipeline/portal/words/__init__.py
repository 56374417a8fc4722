"""Facts in, words out: the sentences, badges and charts of the pages. Pure."""

"""One verb a module: parse options, call one answer or action, hand it to render."""

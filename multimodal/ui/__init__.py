"""The browser app: widgets, pictures and words; the pages only call in here."""

"""What reviewers make of the testimonies: codes, memos, translations, links, redactions, agreement."""

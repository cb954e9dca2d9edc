"""What reviewers make of the testimonies."""

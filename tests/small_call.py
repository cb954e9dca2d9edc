"""A call of a few questions, for tests that need one of their own."""

GOOD = """\
format: call/1
name: small
title: A small call
summary: Tell us.
notice: We keep it.
one_of: [what]
sections:
  - id: first
    title: First
    questions:
      - id: adult
        type: radio
        label: Are you an adult?
        required: true
        unknown: false
        refuse: false
        options:
          - {code: "Y", label: "Yes"}
          - {code: "N", label: "No"}
      - id: what
        type: textarea
        label: What happened?
        limit: 100
  - id: young
    title: Stop
    when: {adult: ["N"]}
    stop: true
  - id: consent
    title: Consent
    consent: true
    questions:
      - id: CINT
        type: radio
        label: May we keep it?
        required: "Y"
        options:
          - {code: "Y", label: "Yes"}
          - {code: "N", label: "No"}
"""

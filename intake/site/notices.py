"""What a person reads when a form was not taken as it is: the same words in both ways of sending it."""

from flask_babel import gettext as _


def filled_trap() -> list[str]:
    """Return what to say when a field was filled in that no person sees."""
    return [
        _("A hidden field of this page was filled in, as programs do. We have emptied it."),
        _("If you are a person, please send the page once more. Your answers are still here."),
    ]


def already_sent() -> list[str]:
    """Return what to say when the same form came before with other content."""
    return [
        _("You have already sent this form once. What you sent then is safe."),
        _("This page holds other answers now."),
        _("You can send them as a new testimony, or add them to the earlier one."),
    ]


def withdrawn_before() -> list[str]:
    """Return what to say when the testimony that this form made was withdrawn."""
    return [
        _("You have withdrawn this testimony. We did not store it again."),
        _("Your answers are still here. You can send them as a new testimony."),
    ]


def no_earlier() -> list[str]:
    """Return what to say when there is no testimony to add this to."""
    return [_("We could not find the earlier testimony. You can send this as a new one.")]


def too_much() -> list[str]:
    """Return what to say when a testimony has as many additions as it may have."""
    return [_("You have sent as much as we can keep for one testimony.")]


def open_too_long() -> list[str]:
    """Return what to say when the form's token is too old."""
    return [_("This page was open for too long. Your answers are still here.")]


def fault_of_ours() -> list[str]:
    """Return what to say when a form could not be stored just now."""
    return [
        _("Something went wrong on our side. Your answers are still here."),
        _("Please try again in a few minutes."),
    ]

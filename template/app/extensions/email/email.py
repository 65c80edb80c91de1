"""The mails of the template: those of Supabase Auth, and those about accounts."""

from pydantic import Field, HttpUrl

from app.extensions.email.schemas import Mail


class _AuthMail(Mail):
    """A mail with a link and a code of Supabase Auth; each works once."""

    link: HttpUrl = Field(examples=["https://example.com/auth/v1/verify?token=abc&type=signup"])
    code: str = Field(examples=["481516"], max_length=20)


class ConfirmAddress(_AuthMail):
    """Confirms the address of a new account."""


class SignInLink(_AuthMail):
    """Signs in without a password."""


class ResetPassword(_AuthMail):
    """Leads to a new password."""


class Invitation(_AuthMail):
    """Invites somebody to sign up."""


class ChangeAddress(_AuthMail):
    """Confirms another address, at the old and at the new one."""

    new_address: str = Field(examples=["ada@new.example.com"])


class Reauthenticate(Mail):
    """Has the code for an action that requires one."""

    code: str = Field(examples=["481516"], max_length=20)


class SecurityNotice(Mail):
    """Tells about a change of the account."""

    change: str = Field(examples=["The password of your account was changed."])


class NewSignUp(Mail):
    """Tells an admin that a user waits for approval."""

    email: str = Field(examples=["new@example.com"])
    admin_url: HttpUrl | None = Field(default=None, examples=["https://api.example.com/admin/"])


class AccountApproved(Mail):
    """Tells a user that the account can be used."""


class AccountRejected(Mail):
    """Tells a user that the account was not approved."""


class AccountSuspended(Mail):
    """Tells a user that the account was suspended."""


class TestMail(Mail):
    """Shows that the transport works."""

    __test__ = False  # it is no test of pytest

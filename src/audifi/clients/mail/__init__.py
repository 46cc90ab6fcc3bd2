"""Send mail by SMTP: to the local stand-in here, to SendGrid's relay in production, by configuration only.

Between: services (hand over a Message) and `aiosmtplib`, whose exceptions end here.
"""

from audifi.clients.mail.client import MailClient, MailRefused, MailUnavailable, Message

__all__ = ["MailClient", "MailRefused", "MailUnavailable", "Message"]

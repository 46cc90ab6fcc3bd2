-- What people said is deleted after a year: found by its age.
CREATE INDEX CONCURRENTLY chat_messages_age ON vstudio.chat_messages (created_at);

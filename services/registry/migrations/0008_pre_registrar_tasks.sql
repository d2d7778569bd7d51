-- What the company registrar is told of a company's licence, and what it reports.

CREATE TABLE registrar_task (
    id              uuid PRIMARY KEY,
    version         bigint NOT NULL DEFAULT 1,
    status          text NOT NULL CHECK (status IN ('open', 'answered', 'withdrawn')),
    kind            text NOT NULL CHECK (kind IN ('granted', 'changed', 'item_struck', 'revoked', 'lapsed', 'ended',
                                                  'take_back')),
    registration_id uuid NOT NULL REFERENCES registration,
    operator_id     uuid NOT NULL REFERENCES operator,
    region          text NOT NULL,      -- of the registrar
    site_id         uuid,
    cause_kind      text NOT NULL,
    cause_id        uuid NOT NULL,
    says            text NOT NULL,
    counters        uuid UNIQUE REFERENCES registrar_task,  -- the answered task that this one takes back
    outcome         text,
    reasons         text,
    answered_by     text,
    answered_at     timestamptz,
    overdue_at      timestamptz,
    opened_at       timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    CHECK ((counters IS NOT NULL) = (kind = 'take_back')),
    CHECK ((status = 'answered') = (outcome IS NOT NULL AND reasons IS NOT NULL AND answered_by IS NOT NULL))
);
CREATE INDEX registrar_task_of_cause ON registrar_task (cause_id);
CREATE INDEX registrar_task_of_operator ON registrar_task (operator_id);
CREATE INDEX registrar_task_on_desk ON registrar_task (region, status, id DESC);

package cloudapi

import (
	"time"

	"github.com/grovecloud/grove"
)

// SetupRequest is POST /v1/grove-service/setup: the one-time code that the server
// printed, and who the first owner is.
type SetupRequest struct {
	Code     string       `json:"code"`
	Email    string       `json:"email"`
	Password grove.Secret `json:"password"`
	Name     string       `json:"name,omitempty"`
}

// JobOutcome is POST /v1/grove-service/jobs/{id}/resolve: what a person saw at the
// printer of a job whose start is unknown.
type JobOutcome struct {
	Outcome grove.JobState `json:"outcome"` // running, finished, failed or cancelled
}

// WebhookRequest is POST /v1/grove-service/webhooks.
type WebhookRequest struct {
	URL         string            `json:"url"`
	Events      []grove.EventType `json:"events"`
	Description string            `json:"description,omitempty"`
}

// WebhookChange is PATCH /v1/grove-service/webhooks/{id}; what is absent stays.
type WebhookChange struct {
	URL         *string            `json:"url,omitempty"`
	Events      *[]grove.EventType `json:"events,omitempty"`
	Description *string            `json:"description,omitempty"`
	Enabled     *bool              `json:"enabled,omitempty"`
}

// WebhookCreated is an endpoint with the secret its deliveries are signed with,
// told this once.
type WebhookCreated struct {
	grove.Endpoint
	Secret grove.Secret `json:"secret"`
}

// NotificationMark is PATCH /v1/grove-service/notifications/{id}.
type NotificationMark struct {
	Read bool `json:"read"`
}

// StoredFile is a file of Grove's own API with where to see it.
type StoredFile struct {
	grove.File
	ContentURL string `json:"content_url"` // signed, short-lived
	CoverURL   string `json:"cover_url"`   // signed, long-lived; empty without a thumbnail
}

// Health is the answer of /livez and /readyz.
type Health struct {
	Status string    `json:"status"` // ok or unavailable
	At     time.Time `json:"at"`
}

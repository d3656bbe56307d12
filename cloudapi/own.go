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

// Delivery is a delivery with what was sent.
type Delivery struct {
	grove.Delivery
	Body string `json:"body"` // exactly what is signed and sent, JSON
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
	// Versions is how many stored files have its name.
	Versions    int    `json:"versions"`
	DuplicateOf string `json:"duplicate_of,omitempty"` // the oldest file of the same content; absent when that is itself
	// Upload is where the content goes while it is not here whole.
	Upload *FileUpload `json:"upload,omitempty"`
}

// FileUpload is how to send the content of a file, or the rest of it.
type FileUpload struct {
	URL string `json:"url"` // signed; takes PUT, and tells GET and HEAD what is here
	UploadProgress
	ExpiresAt time.Time `json:"expires_at"` // what has arrived by then and is not whole is thrown away
}

// UploadProgress is how far an upload has come.
type UploadProgress struct {
	OffsetBytes int64 `json:"offset_bytes"` // the next PUT goes on here
	SizeBytes   int64 `json:"size_bytes"`   // of the whole file; 0 where it was not announced
	Complete    bool  `json:"complete"`
}

// FileRequest is POST /v1/grove-service/files.
type FileRequest struct {
	Name      string   `json:"name"`
	SizeBytes int64    `json:"size_bytes"`
	SHA256    string   `json:"sha256,omitempty"` // hex; checked when all is here
	Tags      []string `json:"tags,omitempty"`
}

// FileChange is PATCH /v1/grove-service/files/{id}; what is absent stays.
type FileChange struct {
	Name *string   `json:"name,omitempty"`
	Tags *[]string `json:"tags,omitempty"`
}

// Health is the answer of /livez and /readyz.
type Health struct {
	Status string    `json:"status"` // ok or unavailable
	At     time.Time `json:"at"`
}

// PasswordChange is PUT /v1/grove-service/users/me/password.
type PasswordChange struct {
	Proof              // with the password of now
	New   grove.Secret `json:"new_password"`
}

// OpenSession is somewhere one is signed in.
type OpenSession struct {
	grove.Session
	Current bool `json:"current"` // the one that asks
}

// UserReset is POST /v1/grove-service/users/{id}/reset.
type UserReset struct {
	Proof      // of the owner who asks
	TOTP  bool `json:"totp,omitempty"` // take the user's authenticator app away too
}

// ResetCode is what an owner hands over to somebody who forgot their password.
type ResetCode struct {
	Code      grove.Secret `json:"code"`
	ExpiresAt time.Time    `json:"expires_at"`
}

// ResetCodeRequest is POST /v1/grove-service/password-reset/code.
type ResetCodeRequest struct {
	Email string `json:"email"`
}

// PasswordReset is POST /v1/grove-service/password-reset.
type PasswordReset struct {
	Email string       `json:"email"`
	Code  string       `json:"code"`
	New   grove.Secret `json:"new_password"`
}

// InvitationRequest is POST /v1/grove-service/invitations.
type InvitationRequest struct {
	Proof            // of the owner who invites
	Email string     `json:"email"`
	Role  grove.Role `json:"role"`
}

// Invitation waits for somebody to make their account. Link and token are told once.
type Invitation struct {
	ID        string       `json:"id"`
	Email     string       `json:"email"`
	Role      grove.Role   `json:"role"`
	Link      grove.Secret `json:"link,omitempty"`
	Token     grove.Secret `json:"token,omitempty"`
	Mailed    bool         `json:"mailed"`
	CreatedAt time.Time    `json:"created_at"`
	ExpiresAt time.Time    `json:"expires_at"`
}

// InvitationAccepted is POST /v1/grove-service/invitations/accept.
type InvitationAccepted struct {
	Token    grove.Secret `json:"token"`
	Password grove.Secret `json:"password"`
	Name     string       `json:"name,omitempty"`
}

package cloudapi

import (
	"encoding/json"

	"github.com/grovecloud/grove"
)

// The words that a poll of GET …/user/notification?ticket= compares.
const (
	UploadRunning = "running"
	UploadDone    = "success"
)

// Notifications is GET …/user/notification without a ticket.
type Notifications struct {
	Envelope
	Notifications []Notice          `json:"notifications"`
	Data          NotificationsData `json:"data"`
	Total         int               `json:"total"`
	Pagination    *grove.Pagination `json:"pagination,omitempty"`
}

// NotificationsData is the list as documented.
type NotificationsData struct {
	Notifications []Notice `json:"notifications"`
}

// Notice is one notification as documented.
type Notice struct {
	ID        string `json:"id"`
	Type      string `json:"type"`
	Message   string `json:"message"`
	Timestamp string `json:"timestamp"` // RFC 3339
	Read      bool   `json:"read"`
	DeviceID  string `json:"device_id"`
	JobID     string `json:"job_id,omitempty"`
}

// NotificationChange is PUT …/user/notification: either an upload is told to be
// finished, or a notification is marked.
type NotificationChange struct {
	Action         string          `json:"action,omitempty"`
	Upload         *UploadFinished `json:"upload,omitempty"`
	NotificationID string          `json:"notification_id,omitempty"`
	Read           *bool           `json:"read,omitempty"`
}

// UploadFinished names the upload that a client says is finished.
type UploadFinished struct {
	Ticket   string `json:"ticket"`
	FileName string `json:"origin_file_name,omitempty"`
}

// UploadState is the answer to a poll: Message is UploadRunning or UploadDone, and
// any other word is a failure to its readers.
type UploadState struct {
	Message string          `json:"message"`
	Code    int             `json:"code"`
	Error   *string         `json:"error"`
	Upload  json.RawMessage `json:"upload,omitempty"`
}

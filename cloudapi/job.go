package cloudapi

import (
	"time"

	"github.com/grovecloud/grove"
)

// JobWish is what is to be printed, and POST /v1/grove-service/jobs/fit: the file, by
// its id or as the newest of that name, one of its plates, and what is asked of the
// printer.
type JobWish struct {
	FileID   string          `json:"file_id,omitempty"`
	FileName string          `json:"file_name,omitempty"`
	Plate    int             `json:"plate,omitempty"` // from 1; 0 means the first
	Options  *grove.Options  `json:"options,omitempty"`
	Any      *grove.Criteria `json:"any,omitempty"`
}

// JobRequest is POST /v1/grove-service/jobs: on one printer, or with any on whichever
// fits.
type JobRequest struct {
	JobWish
	DeviceID  string    `json:"device_id,omitempty"`
	Copies    int       `json:"copies,omitempty"` // 1 to 100; 1 when not given
	NotBefore time.Time `json:"not_before,omitzero"`
}

// JobEdit is PATCH /v1/grove-service/jobs/{id}; what is absent stays. DeviceID and Any
// replace each other.
type JobEdit struct {
	// Revision is the job's as it was when the change was thought of: 409 if it is another.
	Revision  string          `json:"revision,omitempty" maxLength:"64"`
	Plate     *int            `json:"plate,omitempty"`
	Options   *grove.Options  `json:"options,omitempty"`    // all of them
	NotBefore *time.Time      `json:"not_before,omitempty"` // past: at once
	DeviceID  *string         `json:"device_id,omitempty"`
	Any       *grove.Criteria `json:"any,omitempty"`
}

// PrinterEdit is PATCH /v1/grove-service/printers/{serial}; what is absent stays.
type PrinterEdit struct {
	Name *string   `json:"name,omitempty"`
	Tags *[]string `json:"tags,omitempty"` // at most 20, each of 1 to 40 characters
}

package cloudapi

import (
	"encoding/json"

	"github.com/grovecloud/grove"
)

// Prints is GET …/user/print: every printer with what it is doing, and jobs, which
// the pagination is about.
type Prints struct {
	Envelope
	Devices    []PrintDevice     `json:"devices"`
	Data       PrintJobs         `json:"data"`
	Pagination *grove.Pagination `json:"pagination,omitempty"`
}

// PrintDevice is a printer with its present task; the task's fields are null when
// idle. Print is the printer's merged report, number text and unknown keys kept.
type PrintDevice struct {
	Device
	TaskID     *string         `json:"task_id"`
	TaskName   *string         `json:"task_name"`
	ModelID    *string         `json:"model_id"`
	ProjectID  *string         `json:"project_id"`
	ProfileID  *string         `json:"profile_id"`
	StartTime  *string         `json:"start_time"`
	Prediction *int            `json:"prediction"` // seconds for the whole print
	Progress   *int            `json:"progress"`   // percent
	Thumbnail  *string         `json:"thumbnail"`
	Print      json.RawMessage `json:"print"`
}

// PrintJobs are jobs as documented.
type PrintJobs struct {
	Jobs []PrintJob `json:"jobs"`
}

// PrintJob is one job as documented.
type PrintJob struct {
	JobID         string `json:"job_id"`
	DeviceID      string `json:"device_id"`
	FileName      string `json:"file_name"`
	Status        string `json:"status"`
	Progress      int    `json:"progress"`       // percent
	TimeRemaining int    `json:"time_remaining"` // seconds
	StartedAt     string `json:"started_at"`     // RFC 3339; empty: not started
}

// PrintRequest is POST …/user/print. The file is named by its id, by its name or
// by the URL it was uploaded to. Settings, such as a layer height, cannot change a
// file that is sliced already and are not heeded.
type PrintRequest struct {
	DeviceID string          `json:"device_id"`
	FileID   string          `json:"file_id,omitempty"`
	FileName string          `json:"file_name,omitempty"`
	FileURL  string          `json:"file_url,omitempty"`
	Plate    Int             `json:"plate,omitempty"` // from 1; 0 means the first
	Settings json.RawMessage `json:"settings,omitempty"`
	Options  *grove.Options  `json:"options,omitempty"` // an extension
}

// PrintStarted is the answer to POST …/user/print.
type PrintStarted struct {
	Envelope
	JobID  string         `json:"job_id"`
	Status string         `json:"status"`
	Data   PrintStartedID `json:"data"`
}

// PrintStartedID names the job that was made.
type PrintStartedID struct {
	JobID  string `json:"job_id"`
	Status string `json:"status"`
}

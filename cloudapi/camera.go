package cloudapi

// Camera is the answer to GET …/user/device/{id}/snapshot, …/stream and …/video and
// to …/user/video/stream: where a printer can be looked at without a credential,
// for a short while. URL is what was asked for.
type Camera struct {
	Envelope
	URL         string `json:"url"`
	StreamURL   string `json:"stream_url"`   // pictures one after the other, multipart/x-mixed-replace
	SnapshotURL string `json:"snapshot_url"` // one JPEG
	ExpiresIn   int64  `json:"expires_in"`   // seconds in which the links can be opened
}

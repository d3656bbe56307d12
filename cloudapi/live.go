package cloudapi

// LiveSight says which printers are in sight, so that every change of them is told.
type LiveSight struct {
	Watch []string `json:"watch" maxItems:"200" doc:"Serial numbers."`
}

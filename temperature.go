package grove

import "time"

// Stretch is an hour at most of a printer's temperatures, as records keep them.
type Stretch struct {
	Serial  string
	OwnerID int64 // whose the printer was then
	BeganAt time.Time
	Samples []byte // packed; the fleet reads them
}

// Temperatures are a printer's over some time, in columns of one length: the n-th value
// is of the n-th step from From on, null where nothing is known. What was measured is the
// mean of a step, a target the last in it.
type Temperatures struct {
	Serial      string    `json:"serial"`
	From        time.Time `json:"from"`
	StepSeconds int       `json:"step_seconds"` // a multiple of 10

	NozzleCelsius        []*float64 `json:"nozzle_celsius"` // of the nozzle in use
	NozzleTargetCelsius  []*float64 `json:"nozzle_target_celsius"`
	BedCelsius           []*float64 `json:"bed_celsius"`
	BedTargetCelsius     []*float64 `json:"bed_target_celsius"`
	ChamberCelsius       []*float64 `json:"chamber_celsius"` // null without a sensor
	ChamberTargetCelsius []*float64 `json:"chamber_target_celsius"`
}

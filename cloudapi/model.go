package cloudapi

// PrinterModel is what a model of printer can do, for those who draw its controls.
// Temperatures are the hottest targets that may be asked for.
type PrinterModel struct {
	Model             string `json:"model"` // its code, as printers tell it, such as C12
	Name              string `json:"name"`  // such as P1S
	NozzleMaxCelsius  int    `json:"nozzle_max_celsius"`
	BedMaxCelsius     int    `json:"bed_max_celsius"`
	BedMax110VCelsius int    `json:"bed_max_110v_celsius,omitempty"` // on 110 V mains, where that is less
	ChamberMinCelsius int    `json:"chamber_min_celsius,omitempty"`
	ChamberMaxCelsius int    `json:"chamber_max_celsius,omitempty"` // absent: the chamber is not heated
	ChamberSensor     bool   `json:"chamber_sensor"`
	PartFan           bool   `json:"part_fan"`
	AuxFan            bool   `json:"aux_fan"`
	ChamberFan        bool   `json:"chamber_fan"`
	AirDuct           bool   `json:"air_duct"`
	Nozzles           int    `json:"nozzles"`
	AMS               string `json:"ams,omitempty"` // the filament unit it usually comes with: ams, ams_lite or n3f
	VolumeMM          [3]int `json:"volume_mm"`
}

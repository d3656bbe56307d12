package bambu

import (
	"github.com/grovecloud/grove"
)

// A command is what is known of one command. A new one is one entry of a table
// below.
type command struct {
	kind   Kind
	urgent bool
	// check refuses what the model must not be asked; nil accepts everything.
	check func(Model, Request) error
	// translate puts the request into words the model understands; nil sends it
	// as it is.
	translate func(Model, *State, Request) (members, error)
}

// documented are the nine commands of the cloud's documentation in its own form,
// {"command":…,"param":…}. No printer is known to understand the six with a
// value, so they are translated.
var documented = map[string]command{
	"print.pause":            {kind: KindControl, urgent: true, translate: plainCommand},
	"print.resume":           {kind: KindControl, translate: plainCommand},
	"print.stop":             {kind: KindControl, urgent: true, translate: plainCommand},
	"print.set_nozzle_temp":  {kind: KindHeat, check: checkNozzle, translate: nozzleTemperature},
	"print.set_bed_temp":     {kind: KindHeat, check: checkBed, translate: bedTemperature},
	"print.set_chamber_temp": {kind: KindHeat, check: checkChamber, translate: chamberTemperature},
	"print.set_fan_speed":    {kind: KindControl, check: checkFan(partFan), translate: fanSpeed(partFan)},
	"print.set_airduct":      {kind: KindControl, check: checkFan(auxFan), translate: fanSpeed(auxFan)},
	"print.set_ctt":          {kind: KindControl, check: checkFan(chamberFan), translate: fanSpeed(chamberFan)},
}

// commands are those that printers understand, as OpenBambuAPI, BambuStudio,
// ha-bambulab and captures show them. All but the checked values pass as they are.
var commands = map[string]command{
	"pushing.pushall": {kind: KindRead},
	"pushing.start":   {kind: KindRead},
	"pushing.stop":    {kind: KindRead},

	"info.get_version": {kind: KindRead},

	"system.get_access_code": {kind: KindControl}, // the answer is a secret
	"system.get_accessories": {kind: KindRead},
	"system.set_accessories": {kind: KindControl},
	"system.ledctrl":         {kind: KindControl},
	"system.set_door_stat":   {kind: KindControl},
	"system.print_cache_set": {kind: KindControl},
	"system.uiop":            {kind: KindControl},
	"system.reboot":          {kind: KindControl},

	"security.app_cert_list": {kind: KindRead},

	"upgrade.get_history":         {kind: KindRead},
	"upgrade.start":               {kind: KindControl},
	"upgrade.upgrade_confirm":     {kind: KindControl},
	"upgrade.consistency_confirm": {kind: KindControl},

	"print.project_file":   {kind: KindStart},
	"print.gcode_file":     {kind: KindStart},
	"print.calibration":    {kind: KindStart},
	"print.extrusion_cali": {kind: KindStart}, // draws lines on the plate
	"print.flowrate_cali":  {kind: KindStart},

	"print.gcode_line":           {kind: KindGcode, check: checkGcode},
	"print.back_to_center":       {kind: KindGcode},
	"print.xyz_ctrl":             {kind: KindGcode},
	"print.set_extrusion_length": {kind: KindGcode},

	"print.ignore":            {kind: KindControl},
	"print.idle_ignore":       {kind: KindControl},
	"print.clean_print_error": {kind: KindControl},
	"print.skip_objects":      {kind: KindControl},
	"print.print_speed":       {kind: KindControl, check: checkSpeed},
	"print.print_option":      {kind: KindControl},
	"print.buzzer_ctrl":       {kind: KindControl},
	"print.close_air_filt":    {kind: KindControl},

	"print.set_nozzle_temp":                    {kind: KindHeat, check: checkNativeNozzle},
	"print.set_bed_temp":                       {kind: KindHeat, check: checkNativeBed},
	"print.set_ctt":                            {kind: KindHeat, check: checkNativeChamber},
	"print.set_airduct":                        {kind: KindControl, check: checkNativeAirDuct},
	"print.set_fan":                            {kind: KindControl, check: checkNativeFan},
	"print.set_against_continued_heating_mode": {kind: KindHeat},

	"print.select_extruder":           {kind: KindControl},
	"print.refresh_nozzle":            {kind: KindControl},
	"print.nozzle_holder_ctrl":        {kind: KindControl},
	"print.nozzle_info_confirm":       {kind: KindControl},
	"print.holder_nozzle_refresh":     {kind: KindControl},
	"print.get_auto_nozzle_mapping":   {kind: KindRead},
	"print.ams_change_filament":       {kind: KindHeat, check: checkFilamentChange},
	"print.unload_filament":           {kind: KindHeat},
	"print.ams_control":               {kind: KindControl},
	"print.ams_get_rfid":              {kind: KindControl},
	"print.ams_user_setting":          {kind: KindControl},
	"print.ams_filament_setting":      {kind: KindControl},
	"print.ams_filament_drying":       {kind: KindHeat, check: checkDrying},
	"print.auto_stop_ams_dry":         {kind: KindControl},
	"print.ams_reset":                 {kind: KindControl},
	"print.extrusion_cali_get":        {kind: KindRead},
	"print.extrusion_cali_get_result": {kind: KindRead},
	"print.extrusion_cali_set":        {kind: KindControl},
	"print.extrusion_cali_sel":        {kind: KindControl},
	"print.extrusion_cali_del":        {kind: KindControl},
	"print.flowrate_get_result":       {kind: KindRead},

	"camera.ipcam_record_set":     {kind: KindControl},
	"camera.ipcam_timelapse":      {kind: KindControl},
	"camera.ipcam_resolution_set": {kind: KindControl},
	"camera.ipcam_get_media_info": {kind: KindRead},

	"xcam.xcam_control_set": {kind: KindControl},
	"xcam.ipcam_record_set": {kind: KindControl},
}

// entry is what is known of the request's command, of kind KindUnknown if nothing.
func (r Request) entry() command {
	if c, ok := documented[r.name()]; ok && !r.native() {
		return c
	}
	return commands[r.name()]
}

// Check refuses, with an Invalid error fit for a reply's reason, what this model
// must not be asked: a command that nobody knows, a value that is missing, not a
// number or out of the model's range, a heater or fan that it does not have,
// G-code that heats beyond its limits. Nothing is ever clamped. Where a request
// is legal only in some states of a print, the printer decides.
func Check(m Model, r Request) error {
	c := r.entry()
	if c.kind == KindUnknown {
		return grove.Errorf(grove.Invalid, "unknown_command", "%s is no command that printers are known to understand", r.name())
	}
	if c.check == nil {
		return nil
	}
	return c.check(m, r)
}

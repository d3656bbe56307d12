package sim

import (
	"errors"
	"strings"
)

// amsCommands are filaments and the unit that holds them.
var amsCommands = map[string]command{
	"print.ams_filament_setting": (*machine).setFilament,
	"print.ams_change_filament":  (*machine).changeFilament,
	"print.unload_filament": func(m *machine, _ request) (extra, error) {
		m.feed(trayNone)
		return nil, nil
	},
	"print.ams_user_setting": withAMS(func(a *ams, r request) {
		if r.has("startup_read_option") {
			a.readOnPower = r.flag("startup_read_option")
		}
		if r.has("tray_read_option") {
			a.readOnInsert = r.flag("tray_read_option")
		}
		if r.has("calibrate_remain_flag") {
			a.watchRemain = r.flag("calibrate_remain_flag")
		}
	}),
	"print.ams_filament_drying": (*machine).dry,
	"print.auto_stop_ams_dry":   withAMS(func(a *ams, _ request) { a.dry(0, a.units...) }),
	"print.ams_reset":           withAMS(func(a *ams, _ request) { a.loading = 0 }),
	"print.ams_control":         withAMS(func(*ams, request) {}),
	"print.ams_get_rfid":        withAMS(func(a *ams, _ request) { a.version++ }),

	"print.extrusion_cali_get":        calibrations,
	"print.extrusion_cali_get_result": calibrations,
	"print.flowrate_get_result":       calibrations,
	"print.extrusion_cali_sel":        (*machine).selectCalibration,
	"print.extrusion_cali_del":        done,
	"print.extrusion_cali_set":        (*machine).setCalibration,
}

// errNoAMS refuses what needs a filament unit.
var errNoAMS = errors.New("no AMS is fitted")

// withAMS is a command to the filament unit.
func withAMS(do func(*ams, request)) command {
	return func(m *machine, r request) (extra, error) {
		if m.ams == nil {
			return nil, errNoAMS
		}
		do(m.ams, r)
		return nil, nil
	}
}

// calibrations are the pressure-advance profiles, of which a new printer has none.
func calibrations(*machine, request) (extra, error) {
	return extra{"filaments": []any{}}, nil
}

// place finds the tray a command means.
func (m *machine) place(r request) (*tray, error) {
	unit := r.whole("ams_id", trayNone)
	slot := r.whole("slot_id", r.whole("tray_id", 0))
	if !r.has("ams_id") {
		if flat := r.whole("tray_id", -1); flat >= 0 && flat < trayExternal {
			unit, slot = flat/4, flat%4
		}
	}
	t := m.spool(unit, slot)
	if t == nil {
		return nil, errors.New("invalid tray_id")
	}
	return t, nil
}

// setFilament says what lies in a tray; empty texts forget it.
func (m *machine) setFilament(r request) (extra, error) {
	t, err := m.place(r)
	if err != nil {
		return nil, err
	}
	shade := strings.ToUpper(r.text("tray_color"))
	if !color(shade) {
		return nil, errors.New("invalid tray_color: eight hex digits RRGGBBAA are needed")
	}
	low, err := r.between("nozzle_temp_min", 0, m.model.NozzleMax)
	if err != nil {
		return nil, err
	}
	high, err := r.between("nozzle_temp_max", low, m.model.NozzleMax)
	if err != nil {
		return nil, err
	}
	t.kind, t.preset, t.color, t.min, t.max = r.text("tray_type"), r.text("tray_info_idx"), shade, low, high
	if t.full == 0 {
		t.full = 1000
	}
	if m.ams != nil {
		m.ams.version++
	}
	return nil, nil
}

// changeFilament loads a tray, or unloads with slot or target 255.
func (m *machine) changeFilament(r request) (extra, error) {
	target := r.whole("target", trayNone)
	switch {
	case m.state == stateRunning || m.state == statePrepare:
		return nil, errors.New("not while printing")
	case r.has("ams_id") && r.whole("slot_id", trayNone) != trayNone && r.whole("ams_id", 0) < trayExternal:
		target = r.whole("ams_id", 0)*4 + r.whole("slot_id", 0)
	}
	if target == trayExternal || target == trayNone {
		m.feed(target)
		return nil, nil
	}
	if m.ams == nil {
		return nil, errNoAMS
	}
	t := m.ams.slot(target)
	if t == nil || t.kind == "" {
		return nil, errors.New("invalid tray_id: nothing is there")
	}
	m.ams.load(target)
	return nil, nil
}

// dry starts or ends drying in units that can.
func (m *machine) dry(r request) (extra, error) {
	if m.ams == nil {
		return nil, errNoAMS
	}
	unit := m.ams.unit(r.whole("ams_id", 0))
	switch {
	case m.model.AMS != "n3f":
		return nil, errors.New("this AMS cannot dry")
	case unit == nil:
		return nil, errors.New("invalid ams_id")
	case r.whole("mode", 0) == 0:
		m.ams.dry(0, unit)
		return nil, nil
	}
	if _, err := r.between("temp", 45, 65); err != nil {
		return nil, err
	}
	hours, err := r.between("duration", 1, 24)
	if err == nil {
		m.ams.dry(float64(hours)*3600, unit)
	}
	return nil, err
}

func (m *machine) selectCalibration(r request) (extra, error) {
	t, err := m.place(r)
	if err == nil {
		t.cali = r.whole("cali_idx", -1)
	}
	return nil, err
}

// setCalibration keeps a pressure-advance value for a tray.
func (m *machine) setCalibration(r request) (extra, error) {
	if r.has("filaments") {
		return nil, nil
	}
	t, err := m.place(r)
	if err != nil {
		return nil, err
	}
	if _, err := r.between("k_value", 0, 2); err != nil {
		return nil, err
	}
	t.k = strings.TrimSpace(r.text("k_value"))
	return nil, nil
}

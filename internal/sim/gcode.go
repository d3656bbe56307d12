package sim

import (
	"fmt"
	"strconv"
	"strings"
)

// heatCommands warm, cool and move, in the documented form (param) and in the
// form that real printers understand.
var heatCommands = map[string]command{
	"print.set_nozzle_temp": (*machine).setNozzle,
	"print.set_bed_temp": func(m *machine, r request) (extra, error) {
		key := "param"
		if r.has("temp") {
			key = "temp"
		}
		n, err := r.between(key, 0, m.model.BedMax)
		if err == nil {
			m.heat.bed.target = float64(n)
		}
		return nil, err
	},
	"print.set_chamber_temp": func(m *machine, r request) (extra, error) { return m.setChamber(r, "param") },
	"print.set_ctt": func(m *machine, r request) (extra, error) {
		if r.has("ctt_val") {
			return m.setChamber(r, "ctt_val")
		}
		return nil, m.setFan(r, "param", 3)
	},
	"print.set_airduct": func(m *machine, r request) (extra, error) {
		if !r.has("modeId") {
			return nil, m.setFan(r, "param", 2)
		}
		if !m.model.AirDuct {
			return nil, fmt.Errorf("a %s has no air duct", m.model.Name)
		}
		mode, err := r.between("modeId", 0, 3)
		if err == nil {
			m.settings.airduct = mode
		}
		return nil, err
	},
	"print.set_fan_speed": func(m *machine, r request) (extra, error) { return nil, m.setFan(r, "param", 1) },
	"print.set_fan":       func(m *machine, r request) (extra, error) { return nil, m.setFan(r, "speed", r.whole("fan_index", 0)) },
	"print.gcode_line":    (*machine).gcode,
	"print.back_to_center": func(m *machine, _ request) (extra, error) {
		m.settings.homed = true
		return nil, nil
	},
	"print.select_extruder": func(m *machine, r request) (extra, error) {
		n, err := r.between("extruder_index", 0, len(m.heat.nozzle)-1)
		if err == nil {
			m.heat.active = n
		}
		return nil, err
	},
	"print.get_auto_nozzle_mapping": func(*machine, request) (extra, error) {
		return extra{"mapping": []any{}}, nil
	},
	"print.xyz_ctrl": done, "print.set_extrusion_length": done, "print.refresh_nozzle": done,
	"print.set_against_continued_heating_mode": done, "print.close_air_filt": done, "print.buzzer_ctrl": done,
	"print.nozzle_holder_ctrl": done, "print.nozzle_info_confirm": done, "print.holder_nozzle_refresh": done,
}

func (m *machine) setNozzle(r request) (extra, error) {
	key, which := "param", m.heat.active
	if r.has("target_temp") {
		key = "target_temp"
		which = r.whole("extruder_index", which)
	}
	n, err := r.between(key, 0, m.model.NozzleMax)
	if err != nil {
		return nil, err
	}
	if which < 0 || which >= len(m.heat.nozzle) {
		return nil, fmt.Errorf("there is no extruder %d", which)
	}
	m.heat.nozzle[which].target = float64(n)
	return nil, nil
}

// setChamber heats the chamber where there is a heater. Below the lowest
// temperature of the heating mode firmware answers errno -4 and switches it off.
func (m *machine) setChamber(r request, key string) (extra, error) {
	if !m.model.HasChamberHeater() {
		return nil, fmt.Errorf("a %s has no chamber heater", m.model.Name)
	}
	n, err := r.between(key, m.model.ChamberMin, m.model.ChamberMax)
	if err != nil {
		return nil, err
	}
	if n > 0 && n < m.model.ChamberHeatFrom {
		m.heat.chamber.target = 0
		return extra{"errno": -4}, nil
	}
	m.heat.chamber.target = float64(n)
	return nil, nil
}

// setFan turns a fan to so many percent.
func (m *machine) setFan(r request, key string, index int) error {
	percent, err := r.between(key, 0, 100)
	if err != nil {
		return err
	}
	if !m.fans.set(m.model, index, percent) {
		return fmt.Errorf("a %s has no fan %d", m.model.Name, index)
	}
	return nil
}

// gcode carries out lines of G-code. Lines without a visible effect are taken as done.
func (m *machine) gcode(r request) (extra, error) {
	for line := range strings.Lines(r.text("param")) {
		if err := m.line(line); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (m *machine) line(line string) error {
	line, _, _ = strings.Cut(line, ";")
	words := strings.Fields(strings.ToUpper(line))
	if len(words) == 0 {
		return nil
	}
	arg := func(letter string, otherwise int) int {
		for _, w := range words[1:] {
			if v, ok := strings.CutPrefix(w, letter); ok {
				if n, err := strconv.ParseFloat(v, 64); err == nil {
					return int(n)
				}
			}
		}
		return otherwise
	}
	switch words[0] {
	case "M104", "M109":
		which := arg("T", m.heat.active)
		if which < 0 || which >= len(m.heat.nozzle) {
			return fmt.Errorf("there is no extruder %d", which)
		}
		return target(&m.heat.nozzle[which], arg("S", 0), m.model.NozzleMax)
	case "M140", "M190":
		return target(&m.heat.bed, arg("S", 0), m.model.BedMax)
	case "M141", "M191":
		return target(&m.heat.chamber, arg("S", 0), m.model.ChamberMax)
	case "M145":
		m.settings.airduct = arg("P", 0) // shown where there is an air duct
	case "M106", "M107":
		speed := 0
		if words[0] == "M106" {
			speed = min(255, max(0, arg("S", 255)))
		}
		m.fans.set(m.model, arg("P", 1), (speed*100+127)/255)
	case "G28":
		m.settings.homed = true
	case "M400":
		if arg("U", 0) == 1 && m.state == stateRunning {
			return m.pause(stagePausedGood)
		}
	case "M620":
		m.ask(words)
	}
	return nil
}

// ask handles the AMS lines that commands send: P selects a tray.
func (m *machine) ask(words []string) {
	for _, w := range words[1:] {
		if v, ok := strings.CutPrefix(w, "P"); ok && m.ams != nil {
			if flat, err := strconv.Atoi(v); err == nil && m.ams.slot(flat) != nil {
				m.ams.load(flat)
			}
		}
	}
}

// target sets a body's target within the model's limits.
func target(b *body, celsius, highest int) error {
	if celsius < 0 || celsius > highest {
		return fmt.Errorf("%d °C is outside 0 to %d", celsius, highest)
	}
	b.target = float64(celsius)
	return nil
}

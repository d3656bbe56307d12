package sim

import (
	"encoding/binary"
	"fmt"
	"net"
	"strconv"
)

// fieldsOf is the set of fields that the printer's family reports, as counted
// over the captures of ha-bambulab.
func fieldsOf(m *machine) []field {
	fields := jobFields(m)
	fields = append(fields, bodyFields(m)...)
	fields = append(fields, filamentFields(m)...)
	fields = append(fields, houseFields(m)...)
	switch {
	case m.looks.small:
		fields = append(fields, smallFields(m)...)
	default:
		fields = append(fields, largeFields(m)...)
	}
	if m.model.NewProtocol || m.looks.partlyNew {
		fields = append(fields, jobFieldsAnew()...)
	}
	if m.looks.fun2 {
		fields = append(fields, fixed("fun2", wordFun2))
	}
	if m.model.NewProtocol {
		fields = append(fields, newFields(m)...)
		fields = append(fields, deviceFields(m)...)
	}
	return fields
}

// jobFields are state, job and progress.
func jobFields(m *machine) []field {
	file := func(j *job) string { return j.file }
	if !m.looks.small {
		file = func(j *job) string { return fmt.Sprintf("/data/Metadata/plate_%d.gcode", j.plate) }
	}
	return []field{
		text("gcode_state", (*machine).shown),
		text("gcode_file", func(m *machine) string { return m.jobText(file, "") }),
		numeral("gcode_file_prepare_percent", func(m *machine) int64 { return m.jobNumber((*job).preparePercent) }),
		text("subtask_id", func(m *machine) string { return m.jobText(func(j *job) string { return j.subtaskID }, "0") }),
		text("subtask_name", func(m *machine) string { return m.jobText(func(j *job) string { return j.name }, "") }),
		text("task_id", func(m *machine) string { return m.jobText(func(j *job) string { return j.taskID }, "0") }),
		text("project_id", func(m *machine) string { return m.jobText(func(j *job) string { return j.projectID }, "0") }),
		text("profile_id", func(m *machine) string { return m.jobText(func(j *job) string { return j.profileID }, "0") }),
		text("print_type", (*machine).printType),
		number("print_error", func(m *machine) int64 { return m.printError }),
		number("mc_percent", func(m *machine) int64 { return m.jobNumber(func(j *job) int { return j.percent }) }),
		number("mc_remaining_time", func(m *machine) int64 { return m.jobNumber(func(j *job) int { return j.remaining }) }),
		numeral("mc_print_stage", (*machine).printStage),
		fixed("mc_print_sub_stage", "0"),
		{key: "stg", say: (*machine).appendPlan},
		number("stg_cur", func(m *machine) int64 {
			if m.stale() {
				return int64(m.looks.idleStage)
			}
			return int64(m.stage)
		}),
		number("layer_num", func(m *machine) int64 { return m.jobNumber(func(j *job) int { return j.layer }) }),
		number("total_layer_num", func(m *machine) int64 { return m.jobNumber(func(j *job) int { return j.layers }) }),
		{key: "s_obj", say: func(m *machine, b []byte) []byte {
			j := m.subject()
			if j == nil {
				return append(b, "[]"...)
			}
			return appendInts(b, j.skipped)
		}},
		number("spd_lvl", func(m *machine) int64 { return int64(m.settings.speedLevel) }),
		number("spd_mag", func(m *machine) int64 { return int64(speedPercent(m.settings.speedLevel)) }),
		text("gcode_start_time", func(m *machine) string {
			return m.jobText(func(j *job) string { return decimal(j.startedAt.Unix()) }, "0")
		}),
		fixed("queue_number", "0"), fixed("queue_sts", "0"), fixed("queue_total", "0"), fixed("queue_est", "0"),
		fixed("cali_version", "0"), fixed("force_upgrade", "false"),
		{key: "hms", say: (*machine).appendHealth},
	}
}

// bodyFields are temperatures, fans and lights.
func bodyFields(m *machine) []field {
	fields := []field{
		celsius("nozzle_temper", func(m *machine) float64 { return m.heat.nozzle[m.heat.active].read }),
		celsius("nozzle_target_temper", func(m *machine) float64 { return m.heat.nozzle[m.heat.active].target }),
		celsius("bed_temper", func(m *machine) float64 { return m.heat.bed.read }),
		celsius("bed_target_temper", func(m *machine) float64 { return m.heat.bed.target }),
		numeral("cooling_fan_speed", func(m *machine) int64 { return int64(gear(m.fans.part)) }),
		numeral("big_fan1_speed", func(m *machine) int64 { return int64(gear(m.fans.aux)) }),
		numeral("big_fan2_speed", func(m *machine) int64 { return int64(gear(m.fans.chamber)) }),
		numeral("heatbreak_fan_speed", func(m *machine) int64 { return int64(m.heatBreak()) }),
		number("fan_gear", func(m *machine) int64 { return int64(m.fans.packed()) }),
		{key: "lights_report", say: (*machine).appendLights},
		text("nozzle_diameter", func(m *machine) string { return m.settings.nozzleDiameter }),
		text("nozzle_type", func(m *machine) string { return m.settings.nozzleType }),
	}
	switch {
	case !m.model.NewProtocol:
		fields = append(fields, celsius("chamber_temper", func(m *machine) float64 { return m.heat.chamber.read }))
	case m.model.Code == "O1D": // with a target it holds both, as bambuddy saw
		fields = append(fields, number("chamber_temper", func(m *machine) int64 { return m.heat.chamber.packed() }))
	}
	if m.model.Code == "O1D" || m.model.Code == "C13" {
		fields = append(fields, celsius("ctt", func(m *machine) float64 { return m.heat.chamber.target }))
	}
	return fields
}

// filamentFields are the filament unit and the spool beside the printer.
func filamentFields(m *machine) []field {
	fields := []field{
		number("ams_status", func(m *machine) int64 {
			if m.ams == nil {
				return 0
			}
			return m.ams.status(m.state)
		}),
		fixed("ams_rfid_status", "0"),
		number("hw_switch_state", func(m *machine) int64 {
			if m.ams != nil && m.ams.now == trayNone {
				return 0
			}
			return 1
		}),
	}
	if m.ams != nil {
		fields = append(fields, field{key: "ams", say: func(m *machine, b []byte) []byte { return m.ams.append(b, ambient+2) }})
	} else {
		fields = append(fields, fixed("ams", `{"ams":[],"ams_exist_bits":"0","tray_exist_bits":"0","tray_is_bbl_bits":"0","tray_read_done_bits":"0","tray_reading_bits":"0","tray_now":"254","tray_pre":"254","tray_tar":"254","version":0,"insert_flag":false,"power_on_flag":false}`))
	}
	return append(fields, externalFields(m)...)
}

// externalFields are the spools beside the printer: one as an object on older
// firmware, a list on newer, and both on an X1 and an H2D.
func externalFields(m *machine) []field {
	var fields []field
	if m.looks.oldSpool != "" {
		fields = append(fields, field{key: "vt_tray", say: func(m *machine, b []byte) []byte {
			return m.external.details(append(append(append(b, `{"id":"`...), m.looks.oldSpool...), `",`...))
		}})
	}
	if !m.model.NewProtocol && !m.looks.partlyNew {
		return fields
	}
	return append(fields, field{key: "vir_slot", say: func(m *machine, b []byte) []byte {
		b = m.external.details(append(b, `[{"id":"255",`...))
		if m.looks.dual { // and that of the left nozzle, where nothing is put in
			none := emptyTray("254")
			b = none.details(append(b, `,{"id":"254",`...))
		}
		return append(b, ']')
	}})
}

// houseFields are network, camera, storage and other housekeeping.
func houseFields(m *machine) []field {
	return []field{
		{key: "ipcam", say: (*machine).appendCamera},
		text("wifi_signal", func(m *machine) string { return m.wifi.String() }),
		fixed("net", netOf(m.stands)), fixed("online", `{"ahb":true,"ext":true,"version":16}`),
		{key: "sdcard", say: func(m *machine, b []byte) []byte { return strconv.AppendBool(b, !m.faults.NoCard) }},
		number("home_flag", func(m *machine) int64 { return int64(int32(m.homeFlag())) }), //nolint:gosec // printers report it signed
	}
}

// netOf is the printer's network: one interface and no second. Addresses are
// little-endian (ha-bambulab).
func netOf(l *LAN) string {
	addr := uint32(192 | 168<<8 | 2<<16 | 179<<24)
	if l != nil {
		if ip := net.ParseIP(l.Addr).To4(); ip != nil {
			addr = binary.LittleEndian.Uint32(ip)
		}
	}
	return fmt.Sprintf(`{"conf":16,"info":[{"ip":%d,"mask":16777215},{"ip":0,"mask":0}]}`, addr)
}

// smallFields are those of P1 and A1 only. A P1P has no watches.
func smallFields(m *machine) []field {
	fields := []field{
		fixed("upgrade_state", staticUpgradeSmall), fixed("upload", staticUploadSmall),
		fixed("filam_bak", "[]"), fixed("flag3", "15"), fixed("k", `"0.0000"`), fixed("lifecycle", `"product"`),
		numeral("mc_print_line_number", func(m *machine) int64 {
			return m.jobNumber(func(j *job) int { return int(j.elapsed) * 9 })
		}),
		fixed("mess_production_state", `"active"`),
	}
	if m.model.Code == "C11" {
		return fields
	}
	return append(fields, field{key: "xcam", say: func(m *machine, b []byte) []byte {
		return fmt.Appendf(b, `{"buildplate_marker_detector":%t}`, !m.settings.unwatched["buildplate_marker_detector"])
	}})
}

// largeFields are those of all machines with the larger board.
func largeFields(*machine) []field {
	return []field{
		fixed("upgrade_state", staticUpgrade), fixed("upload", staticUpload),
		{key: "xcam", say: (*machine).appendWatches},
		fixed("xcam_status", `"0"`), fixed("aux_part_fan", "true"),
		numeral("fail_reason", func(m *machine) int64 { return m.failReason }),
		numeral("mc_print_error_code", func(m *machine) int64 { return m.printError }),
		fixed("print_gcode_action", "0"), fixed("print_real_action", "0"), fixed("maintain", "3"),
	}
}

// printType is what kind of print runs; without one, the family's word for none.
func (m *machine) printType() string {
	if !m.busy() || m.stale() {
		return m.looks.idleType
	}
	return m.job.kind
}

// printStage is mc_print_stage: 1 nothing, 2 printing, 3 paused.
func (m *machine) printStage() int64 {
	switch m.shown() {
	case stateRunning:
		return 2
	case statePause:
		return 3
	}
	return 1
}

// homeFlag is the settings with what is homed.
func (m *machine) homeFlag() uint32 {
	flag := m.settings.homeFlag
	if m.settings.homed {
		flag |= 7
	}
	if enabled(m.settings.record) {
		flag |= 1 << 5
	}
	if m.faults.DoorOpen && m.looks.door {
		flag |= 1 << 23
	}
	if m.faults.NoCard {
		flag &^= storageBits
	}
	return flag
}

func (m *machine) appendPlan(b []byte) []byte {
	b = append(b, '[')
	if m.job != nil && m.busy() && !m.stale() {
		for i, s := range m.job.plan {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(s.code), 10)
		}
	}
	return append(b, ']')
}

func (m *machine) appendHealth(b []byte) []byte {
	b = append(b, '[')
	for i, h := range m.health() {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"attr":%d,"code":%d}`, h.Attr, h.Code)
	}
	return append(b, ']')
}

func (m *machine) appendLights(b []byte) []byte {
	b = append(b, '[')
	for i, node := range m.looks.lights {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"node":"`...)
		b = append(b, node...)
		b = append(b, `","mode":`...)
		b = appendText(b, m.settings.lights[node])
		b = append(b, '}')
	}
	return append(b, ']')
}

func (m *machine) appendCamera(b []byte) []byte {
	b = append(b, `{"ipcam_dev":"1","ipcam_record":`...)
	b = appendText(b, m.settings.record)
	b = append(b, `,"timelapse":`...)
	b = appendText(b, m.settings.timelapse)
	b = append(b, `,"resolution":`...)
	b = appendText(b, m.settings.resolution)
	if m.looks.small {
		return append(b, '}')
	}
	b = append(b, `,"mode_bits":2,"tutk_server":"disable","agora_service":"disable","brtc_service":"enable","rtsp_url":`...)
	stands := m.stands
	if m.faults.Camera.Off {
		stands = nil
	}
	return append(appendText(b, rtspURL(stands)), '}')
}

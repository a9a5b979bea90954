<?php
// A stand-in for FreePBX in tests: its functions by what they were seen to write (IssabelPBX 2.12, core 13 to 17), over the
// tests' own MariaDB, with astdb in a file. It is no FreePBX. Each call is noted. STUB_FAIL is the how-many-eth call that
// returns false, dies, or tells a browser why not.
define('DB_FETCHMODE_ASSOC', 2);

class Stub {
    public static $link;
    public static $calls = 0;

    public static function note($name) {
        file_put_contents(getenv('STUB_HOME') . '/calls', "$name\n", FILE_APPEND);
        $fail = explode(':', (string) getenv('STUB_FAIL'));
        if ($fail[0] !== '' && self::$calls++ == (int) $fail[0]) {
            if ($fail[1] == 'die') { echo '<script>alert("FATAL <b>it died</b>")</script>'; exit(1); }
            if ($fail[1] == 'fault') { undefined_function_of_the_stub(); }
            if ($fail[1] == 'alert') { echo "<script>javascript:alert('it is in use');</script>"; return null; }
            return false;
        }
        return true;
    }

    public static function cell($text) {
        return "'" . mysqli_real_escape_string(self::$link, (string) $text) . "'";
    }

    public static function insert($table, $row) {
        $known = array();
        foreach (sql("SHOW COLUMNS FROM `$table`", 'getAll', DB_FETCHMODE_ASSOC) as $each) $known[$each['Field']] = true;
        $row = array_intersect_key($row, $known);
        $names = '`' . implode('`, `', array_keys($row)) . '`';
        sql("INSERT INTO `$table` ($names) VALUES (" . implode(', ', array_map(array('Stub', 'cell'), $row)) . ')');
    }

    public static function has($table) {
        return count(sql("SHOW TABLES LIKE '$table'", 'getAll', DB_FETCHMODE_ASSOC)) > 0;
    }

    public static function issabel() {
        return self::has('issabelpbx_settings');
    }

    public static function old() {
        $row = sql("SELECT value FROM admin WHERE variable = 'version'", 'getAll', DB_FETCHMODE_ASSOC);
        return version_compare($row[0]['value'], '2.10', '<');
    }
}

Stub::$link = mysqli_connect('localhost', 'root', '', getenv('STUB_DATABASE'), 0, getenv('STUB_SOCKET'));
mysqli_query(Stub::$link, 'SET NAMES latin1');

if (getenv('STUB_MAGIC')) { function get_magic_quotes_gpc() { return true; } }

// PEAR's DB: it chooses the database before each question, after which the server knows no ROW_COUNT() any more.
class StubDb {
    public $changed = 0;
    function affectedRows() { return $this->changed; }
}
$db = new StubDb();

function sql($statement, $type = 'query', $mode = null) {
    global $db;
    mysqli_report(MYSQLI_REPORT_OFF);
    mysqli_select_db(Stub::$link, getenv('STUB_DATABASE'));
    $found = mysqli_query(Stub::$link, $statement);
    $db->changed = $found === true && !getenv('STUB_NEW') ? mysqli_affected_rows(Stub::$link) : 0;
    if ($found === false) { echo 'die_freepbx: ' . mysqli_error(Stub::$link); exit(1); }
    return $found === true ? true : mysqli_fetch_all($found, MYSQLI_ASSOC);
}

function parse_amportal_conf($path) {
    return array('AMPMGRUSER' => 'admin', 'AMPMGRPASS' => 'x', 'AMPDBNAME' => getenv('STUB_DATABASE'));
}

class AGI_AsteriskManager {
    function connect($host, $user, $secret) { return getenv('STUB_NO_MANAGER') ? false : true; }
    function connected() { return !getenv('STUB_NO_MANAGER'); }
    private function tree() { return json_decode(file_get_contents(getenv('STUB_HOME') . '/astdb'), true); }
    private function keep($tree) { file_put_contents(getenv('STUB_HOME') . '/astdb', json_encode($tree)); }
    function database_put($family, $key, $value) { $t = $this->tree(); $t["$family/$key"] = trim($value, '"'); $this->keep($t); }
    function database_del($family, $key) { $t = $this->tree(); unset($t["$family/$key"]); $this->keep($t); }
    function database_get($family, $key) { $t = getenv('STUB_DEAF') ? array() : $this->tree(); return isset($t["$family/$key"]) ? $t["$family/$key"] : false; }
    function database_deltree($family) {
        $tree = $this->tree();
        foreach (array_keys($tree) as $path) if (strpos($path, "$family/") === 0) unset($tree[$path]);
        $this->keep($tree);
    }
}

function needreload() { Stub::note('needreload'); sql("UPDATE admin SET value = 'true' WHERE variable = 'need_reload'"); }

function core_users_add($vars, $again = false) {
    global $astman;
    if (!Stub::note('core_users_add')) return false;
    $number = $vars['extension'];
    if (sql("SELECT 1 AS n FROM users WHERE extension = " . Stub::cell($number), 'getAll', DB_FETCHMODE_ASSOC)) return false;
    if (Stub::issabel()) $vars['name'] = addslashes($vars['name']);
    $row = array('extension' => $number, 'voicemail' => 'novm', 'recording' => '');
    foreach (array('password', 'name', 'ringtimer', 'noanswer', 'outboundcid', 'sipname') as $name) $row[$name] = $vars[$name];
    if (Stub::old()) $row['recording'] = "out={$vars['record_out']}|in={$vars['record_in']}";
    foreach (array('noanswer', 'busy', 'chanunavail') as $n => $what) {
        $row["{$what}_cid"] = isset($vars["{$what}_cid"]) ? $vars["{$what}_cid"] : '';
        $goto = isset($vars["{$what}_dest"]) ? $vars["{$what}_dest"] : '';
        $place = $goto == '' ? '' : $vars[$goto] . (Stub::issabel() ? '' : $n);
        $row["{$what}_dest"] = isset($vars[$place]) ? $vars[$place] : '';
    }
    Stub::insert('users', $row);
    foreach (array('password', 'ringtimer', 'noanswer', 'outboundcid') as $name) $astman->database_put('AMPUSER', "$number/$name", $vars[$name]);
    $astman->database_put('AMPUSER', "$number/recording", $row['recording']);
    $astman->database_put('AMPUSER', "$number/cidname", $vars['name']);
    $astman->database_put('AMPUSER', "$number/cidnum", $vars['cid_masquerade'] == '' ? $number : $vars['cid_masquerade']);
    $astman->database_put('AMPUSER', "$number/voicemail", $row['voicemail']);
    if (!Stub::old()) foreach (array('in/external', 'out/external', 'in/internal', 'out/internal') as $what) {
        $parts = explode('=', $vars['recording_' . str_replace('/', '_', $what)], 2);
        $astman->database_put('AMPUSER', "$number/recording/$what", count($parts) == 2 ? $parts[1] : 'dontcare');
    }
    if (!Stub::old()) {
        $answers = isset($vars['answermode']) ? $vars['answermode'] : 'disabled';
        $astman->database_put('AMPUSER', "$number/answermode", $answers);
        if (isset($vars['dialopts'])) $astman->database_put('AMPUSER', "$number/dialopts", $vars['dialopts']);
        else $astman->database_del('AMPUSER', "$number/dialopts");
    }
    if (getenv('STUB_NEW')) {
        $astman->database_put('AMPUSER', "$number/intercom", isset($vars['intercom']) ? $vars['intercom'] : 'enabled');
        $account = isset($vars['devinfo_accountcode']) ? $vars['devinfo_accountcode'] : '';
        $astman->database_put('AMPUSER', "$number/accountcode", $account);
    }
    if (!$again) $astman->database_put('AMPUSER', "$number/device", '');
    if ($vars['callwaiting'] == 'enabled') $astman->database_put('CW', $number, 'ENABLED');
    return true;
}

function core_users_get($number) {
    global $astman;
    $rows = sql('SELECT * FROM users WHERE extension = ' . Stub::cell($number), 'getAll', DB_FETCHMODE_ASSOC);
    $user = $rows[0];
    $user['callwaiting'] = $astman->database_get('CW', $number) == 'ENABLED' ? 'enabled' : 'disabled';
    $user['cid_masquerade'] = $astman->database_get('AMPUSER', "$number/cidnum");
    $user['pinless'] = 'disabled';
    if (!Stub::old()) $user['dialopts'] = $astman->database_get('AMPUSER', "$number/dialopts");
    $parts = explode('|', $user['recording']);
    $user['record_out'] = isset($parts[1]) ? substr($parts[0], 4) : 'Adhoc';
    $user['record_in'] = isset($parts[1]) ? substr($parts[1], 3) : 'Adhoc';
    foreach (array('in_external', 'out_external', 'in_internal', 'out_internal') as $what) {
        $user["recording_$what"] = $astman->database_get('AMPUSER', "$number/recording/" . str_replace('_', '/', $what));
    }
    return $user;
}

function core_users_edit($number, $vars) {
    if (!Stub::note('core_users_edit')) return false;
    core_users_del($number, true);
    return core_users_add($vars, true);
}

function core_users_del($number, $again = false) {
    global $astman;
    Stub::note('core_users_del');
    sql('DELETE FROM users WHERE extension = ' . Stub::cell($number));
    if (!$again) $astman->database_deltree("AMPUSER/$number");
}

function core_users_cleanastdb($number) {
    global $astman;
    foreach (array('CW', 'CF', 'CFB', 'CFU') as $family) $astman->database_del($family, $number);
}

function findmefollow_del($number) { sql('DELETE FROM findmefollow WHERE grpnum = ' . Stub::cell($number)); }

function core_devices_add($id, $tech, $dial, $type, $user, $description, $emergency = null, $again = false) {
    global $astman;
    if (!Stub::note('core_devices_add')) return false;
    Stub::insert('devices', array('id' => $id, 'tech' => $tech, 'dial' => $dial, 'devicetype' => $type, 'user' => $user,
        'description' => $description, 'emergency_cid' => $emergency));
    foreach (array('dial' => $dial, 'type' => $type, 'user' => $user, 'default_user' => $user) as $name => $value) {
        $astman->database_put('DEVICE', "$id/$name", $value);
    }
    $astman->database_put('AMPUSER', "$user/device", $id);
    $table = $tech == 'iax2' ? 'iax' : 'sip';
    $flags = Stub::old() && !Stub::has('trunks') ? 0 : 2;
    $words = array();
    foreach ($_REQUEST as $name => $value) if (substr($name, 0, 8) == 'devinfo_') $words[substr($name, 8)] = $value;
    $words['account'] = $id;
    $words['callerid'] = "device <$id>";
    if ($tech == 'iax2') $words['setvar'] = "REALCALLERIDNUM=$id";
    if (Stub::old()) foreach (array('record_in', 'record_out') as $name) $words[$name] = isset($_REQUEST[$name]) ? $_REQUEST[$name] : 'On-Demand';
    foreach ($words as $word => $value) {
        Stub::insert($table, array('id' => $id, 'keyword' => $word, 'data' => $value, 'flags' => $flags == 0 ? 0 : $flags++));
    }
    return true;
}

function core_devices_del($id, $again = false) {
    global $astman;
    Stub::note('core_devices_del');
    if (!$again) foreach (array('dial', 'type', 'user', 'default_user') as $name) $astman->database_del('DEVICE', "$id/$name");
    foreach (array('devices', 'sip', 'iax') as $table) sql("DELETE FROM $table WHERE id = " . Stub::cell($id));
}

// FreePBX from 12 on has objects beside its functions.
if (getenv('STUB_NEW')) {
    class StubCore {
        function generateDefaultDeviceSettings($tech, $number, $name) {
            $flag = 2;
            $known = array('secret' => 'made up', 'dtmfmode' => 'rfc4733', 'context' => 'from-internal', 'sipdriver' => 'chan_' . $tech,
                'account' => $number, 'mailbox' => "$number@device", 'disallow' => '', 'allow' => '', 'namedcallgroup' => '',
                'namedpickupgroup' => '', 'dial' => '', 'accountcode' => '', 'media_encryption' => 'no', 'callerid' => "$name <$number>");
            if ($tech == 'pjsip') $known += array('transport' => '', 'max_contacts' => '1', 'direct_media' => 'yes', 'rewrite_contact' => 'yes');
            else $known += array('deny' => '0.0.0.0/0.0.0.0', 'permit' => '0.0.0.0/0.0.0.0', 'host' => 'dynamic', 'type' => 'friend');
            if ($tech == 'sip') $known += array('nat' => 'yes', 'port' => '5060', 'qualify' => 'yes');
            if ($tech == 'iax2') $known += array('setvar' => 'REALCALLERIDNUM=');
            foreach ($known as $word => $value) $known[$word] = array('value' => $value, 'flag' => $flag++);
            return $known;
        }
        function addDevice($id, $tech, $settings, $again) {
            global $astman;
            if (!Stub::note('addDevice')) return false;
            $row = array('id' => $id, 'tech' => $tech, 'hint_override' => null);
            foreach (array('devicetype', 'user', 'description', 'emergency_cid', 'hint_override', 'dial') as $name) {
                if (isset($settings[$name])) $row[$name] = $settings[$name]['value'];
                if ($name != 'dial') unset($settings[$name]);
            }
            if ($row['hint_override'] === null) unset($row['hint_override']);
            Stub::insert('devices', $row);
            foreach (array('dial' => $row['dial'], 'type' => $row['devicetype'], 'user' => $row['user'], 'default_user' => $row['user']) as $name => $value) {
                $astman->database_put('DEVICE', "$id/$name", $value);
            }
            $astman->database_put('AMPUSER', "{$row['user']}/device", $id);
            foreach ($settings as $word => $each) {
                Stub::insert($tech == 'iax2' ? 'iax' : 'sip', array('id' => $id, 'keyword' => $word, 'data' => $each['value'], 'flags' => $each['flag']));
            }
            return true;
        }
        function hideTrunk($n) { Stub::note('hideTrunk'); sql("UPDATE trunks SET routedisplay = 'off' WHERE trunkid = $n"); }
    }
    class StubDatabase {
        function exec($statement) { sql($statement); return mysqli_affected_rows(Stub::$link); }
    }
    class FreePBX {
        public $Core;
        public $Database;
        static function create() {
            static $one;
            if (!$one) { $one = new FreePBX(); $one->Core = new StubCore(); $one->Database = new StubDatabase(); }
            return $one;
        }
    }
}

function stub_trunk($n, $tech, $channel, $prefix, $most, $outcid, $peer, $context, $user, $register, $keep, $fail, $off, $name, $provider, $continue) {
    $new = Stub::has('trunks');
    $flag = $off == 'on' ? 1 : 0;
    $table = $tech == 'iax2' ? 'iax' : 'sip';
    if ($new) {
        Stub::insert('trunks', array('trunkid' => $n, 'name' => $name == '' ? $channel : $name, 'tech' => $tech, 'outcid' => $outcid,
            'keepcid' => $keep, 'maxchans' => $most, 'failscript' => $fail, 'dialoutprefix' => $prefix, 'channelid' => $channel,
            'usercontext' => $context, 'provider' => $provider, 'disabled' => $off, 'continue' => $continue));
    } else {
        $all = array('OUT' => strtoupper($tech) . "/$channel", 'OUTPREFIX' => $prefix, 'OUTMAXCHANS' => $most, 'OUTCID' => $outcid,
            'OUTKEEPCID' => $keep, 'OUTFAIL' => $fail, 'OUTDISABLE' => $off);
        foreach ($all as $variable => $value) Stub::insert('globals', array('variable' => "{$variable}_$n", 'value' => $value));
    }
    $ids = $new ? array("tr-peer-$n", "tr-reg-$n") : array("9999$n", "9999999$n");
    $seq = 1;
    $lines = array_merge(array("account=$channel"), explode("\n", $peer));
    foreach ($lines as $line) {
        if (strpos($line, '=') === false) continue;
        list($word, $value) = explode('=', trim($line), 2);
        $seq = $flag ? 1 : $seq + 1;
        Stub::insert($table, array('id' => $ids[0], 'keyword' => trim($word), 'data' => trim($value), 'flags' => $seq));
    }
    if ($register != '') Stub::insert($table, array('id' => $ids[1], 'keyword' => 'register', 'data' => $register, 'flags' => $flag));
}

function core_trunks_add($tech, $channel, $prefix, $most, $outcid, $peer, $context, $user, $register, $keep, $fail, $off, $name = '', $provider = '', $continue = 'off', $dialopts = false) {
    if (!Stub::note('core_trunks_add')) return false;
    for ($n = 1; stub_tech($n) != ''; $n++);
    stub_dialopts($n, $dialopts);
    stub_trunk($n, $tech, $channel, $prefix, $most, $outcid, $peer, $context, $user, $register, $keep, $fail, $off, $name, $provider, $continue);
    return $n;
}

function stub_tech($n) {
    if (Stub::has('trunks')) {
        $rows = sql("SELECT tech FROM trunks WHERE trunkid = $n", 'getAll', DB_FETCHMODE_ASSOC);
        return $rows ? $rows[0]['tech'] : '';
    }
    $rows = sql("SELECT value FROM globals WHERE variable = 'OUT_$n'", 'getAll', DB_FETCHMODE_ASSOC);
    return $rows ? strtolower(strtok($rows[0]['value'], '/')) : '';
}

function core_trunks_edit($n, $channel, $prefix, $most, $outcid, $peer, $context, $user, $register, $keep, $fail, $off, $name = '', $provider = '', $continue = 'off', $dialopts = false) {
    Stub::note('core_trunks_edit');
    $tech = stub_tech($n);
    stub_trunk_gone($n);
    stub_dialopts($n, $dialopts);
    stub_trunk($n, $tech, $channel, $prefix, $most, $outcid, $peer, $context, $user, $register, $keep, $fail, $off, $name, $provider, $continue);
}

function stub_dialopts($n, $dialopts) {
    global $astman;
    if (Stub::old()) return;
    if ($dialopts !== false) $astman->database_put('TRUNK', "$n/dialopts", $dialopts);
    else $astman->database_del('TRUNK', "$n/dialopts");
}

function stub_trunk_gone($n) {
    $ids = Stub::has('trunks') ? "'tr-peer-$n','tr-user-$n','tr-reg-$n'" : "'9999$n','99999$n','9999999$n'";
    foreach (array('sip', 'iax') as $table) sql("DELETE FROM $table WHERE id IN ($ids)");
    if (Stub::has('trunks')) sql("DELETE FROM trunks WHERE trunkid = $n");
    else foreach (array('OUT', 'OUTPREFIX', 'OUTMAXCHANS', 'OUTCID', 'OUTKEEPCID', 'OUTFAIL', 'OUTDISABLE') as $variable) {
        sql("DELETE FROM globals WHERE variable = '{$variable}_$n'");
    }
}

function core_trunks_del($n) { Stub::note('core_trunks_del'); stub_trunk_gone($n); stub_dialopts($n, false); }
if (Stub::has('trunks')) {
    function core_trunks_delete_dialrules($n) { Stub::note('core_trunks_delete_dialrules'); sql("DELETE FROM trunk_dialpatterns WHERE trunkid = $n"); }
    function core_routing_trunk_delbyid($n) { Stub::note('core_routing_trunk_delbyid'); sql("DELETE FROM outbound_route_trunks WHERE trunk_id = $n"); }
} else {
    function core_trunks_deleteDialRules($n) { Stub::note('core_trunks_deleteDialRules'); }
}

// FreePBX' own functions, called for ccops. Sent to the standard input of `php` behind a line that sets $ccops_asked.
// It is PHP from 5.1 on (CentOS 5), which has no json_decode: so both directions are spelt out here.
// Asked is {"do": "read"}, {"do": "calls", "expect": [statements], "calls": [[name, arguments], ...]} or
// {"do": "rows", "statements": [...]}; it prints whatever FreePBX prints, then a line `##### ccops` and the answer.

error_reporting(0);
ini_set('display_errors', '0');
ini_set('memory_limit', '256M');
set_time_limit(170);
ob_start();
$ccops_done = 0;
$ccops_answered = false;

function ccops_tell($found) {
    global $ccops_answered;
    if ($ccops_answered) return;
    $ccops_answered = true;
    while (ob_get_level() > 0) ob_end_clean();
    echo "\n##### ccops\n" . ccops_spelt($found) . "\n";
}

function ccops_fail($why) {
    global $ccops_done;
    ccops_tell(array('error' => $why, 'done' => $ccops_done));
    exit(0);
}

function ccops_shut() {
    global $ccops_answered, $ccops_done;
    if ($ccops_answered) return;
    $said = ob_get_level() > 0 ? trim(strip_tags(ob_get_contents())) : '';
    $last = function_exists('error_get_last') ? error_get_last() : null;
    if ($said == '' && is_array($last)) $said = preg_replace('/\s*Stack trace:.*/s', '', $last['message']);
    ccops_tell(array('error' => $said == '' ? 'FreePBX ended it and said nothing' : substr($said, -400), 'done' => $ccops_done));
}

function ccops_utf8($code) {
    if ($code < 0x80) return chr($code);
    if ($code < 0x800) return chr(0xC0 | $code >> 6) . chr(0x80 | $code & 0x3F);
    if ($code < 0x10000) return chr(0xE0 | $code >> 12) . chr(0x80 | $code >> 6 & 0x3F) . chr(0x80 | $code & 0x3F);
    return chr(0xF0 | $code >> 18) . chr(0x80 | $code >> 12 & 0x3F) . chr(0x80 | $code >> 6 & 0x3F) . chr(0x80 | $code & 0x3F);
}

function ccops_blank($text, &$at) {
    $at += strspn($text, " \t\r\n", $at);
}

function ccops_string($text, &$at) {
    $found = '';
    $escapes = array('n' => "\n", 't' => "\t", 'r' => "\r", 'b' => "\x08", 'f' => "\x0C");
    for ($at++; ($mark = substr($text, $at, 1)) != '"'; $at++) {
        if ($mark === '' || $mark === false) ccops_fail('what was asked is not whole');
        if ($mark != '\\') { $found .= $mark; continue; }
        $mark = substr($text, ++$at, 1);
        if ($mark == 'u') {
            $code = hexdec(substr($text, $at + 1, 4));
            $at += 4;
            if ($code >= 0xD800 && $code < 0xDC00 && substr($text, $at + 1, 2) == '\\u') {
                $code = 0x10000 + (($code - 0xD800) << 10) + hexdec(substr($text, $at + 3, 4)) - 0xDC00;
                $at += 6;
            }
            $found .= ccops_utf8($code);
        } else $found .= isset($escapes[$mark]) ? $escapes[$mark] : $mark;
    }
    $at++;
    return $found;
}

function ccops_value($text, &$at) {
    ccops_blank($text, $at);
    $mark = substr($text, $at, 1);
    if ($mark == '"') return ccops_string($text, $at);
    if ($mark == '[' || $mark == '{') {
        $found = array();
        $end = $mark == '[' ? ']' : '}';
        $at++;
        ccops_blank($text, $at);
        while (($next = substr($text, $at, 1)) != $end) {
            if ($next === '' || $next === false) ccops_fail('what was asked is not whole');
            if ($next == ',') $at++;
            ccops_blank($text, $at);
            if ($mark == '{') {
                $key = ccops_string($text, $at);
                ccops_blank($text, $at);
                $at++;
                $found[$key] = ccops_value($text, $at);
            } else $found[] = ccops_value($text, $at);
            ccops_blank($text, $at);
        }
        $at++;
        return $found;
    }
    $length = strcspn($text, ",]} \t\r\n", $at);
    $word = substr($text, $at, $length);
    $at += $length;
    if ($word == 'true') return true;
    if ($word == 'false') return false;
    if ($word == 'null') return null;
    return is_numeric($word) ? $word + 0 : ccops_fail('what was asked is not whole');
}

function ccops_spelt($found) {
    if ($found === null) return 'null';
    if (is_bool($found)) return $found ? 'true' : 'false';
    if (is_int($found)) return (string) $found;
    if (is_array($found)) {
        $list = array_keys($found) === ($found ? range(0, count($found) - 1) : array());
        $parts = array();
        foreach ($found as $key => $each) $parts[] = ($list ? '' : ccops_spelt((string) $key) . ':') . ccops_spelt($each);
        return ($list ? '[' : '{') . implode(',', $parts) . ($list ? ']' : '}');
    }
    $text = (string) $found;
    $spelt = '';
    $plain = preg_match('//u', $text) ? $text : preg_replace('/[\x80-\xFF]/', '?', $text);
    for ($at = 0; $at < strlen($plain); $at++) {
        $mark = $plain[$at];
        $spelt .= $mark == '"' || $mark == '\\' ? '\\' . $mark : (ord($mark) < 32 ? sprintf('\\u%04x', ord($mark)) : $mark);
    }
    return '"' . $spelt . '"';
}

function ccops_ask($statement) {
    $found = sql($statement, 'getAll', DB_FETCHMODE_ASSOC);
    return is_array($found) ? $found : array();
}

// How many rows a statement changed. ROW_COUNT() cannot tell: PEAR's DB chooses the database anew before each question.
function ccops_change($statement) {
    global $db;
    if (class_exists('FreePBX') && method_exists('FreePBX', 'create')) {
        return (int) FreePBX::create()->Database->exec($statement);
    }
    sql($statement);
    return (int) $db->affectedRows();
}

// Of a name that changed its place between versions: the function, else the method of FreePBX 12 and later.
function ccops_either($function, $method, $arguments) {
    if (function_exists($function)) return call_user_func_array($function, $arguments);
    if ($method != '' && class_exists('FreePBX')) {
        return call_user_func_array(array(FreePBX::create()->Core, $method), $arguments);
    }
    ccops_fail("this FreePBX has no $function");
}

function ccops_keywords($pairs, $more) {
    foreach (array_keys($_REQUEST) as $name) unset($_REQUEST[$name]);
    foreach ($pairs as $pair) $_REQUEST['devinfo_' . $pair[0]] = $pair[1];
    foreach ($more as $name => $value) $_REQUEST[$name] = $value;
}

function ccops_add_device($a, $again) {
    $_REQUEST['display'] = 'extensions';
    if (class_exists('FreePBX') && method_exists('FreePBX', 'create')) {
        $core = FreePBX::create()->Core;
        if (method_exists($core, 'generateDefaultDeviceSettings')) {
            $settings = $core->generateDefaultDeviceSettings($a['tech'], $a['id'], $a['description']);
            foreach ($a['words'] as $pair) {
                if (isset($settings[$pair[0]])) $settings[$pair[0]]['value'] = $pair[1];
                elseif ($pair[1] != '' && ($again || $a['tech'] != 'pjsip')) $settings[$pair[0]] = array('value' => $pair[1], 'flag' => count($settings) + 2);
            }
            foreach (array('dial', 'devicetype', 'user', 'description', 'emergency_cid', 'hint_override') as $name) {
                if (isset($a[$name])) $settings[$name]['value'] = $a[$name];
            }
            if (isset($settings['setvar'])) $settings['setvar']['value'] = "REALCALLERIDNUM={$a['id']}";
            return $core->addDevice($a['id'], $a['tech'], $settings, $again);
        }
    }
    ccops_keywords($a['words'], $a['more']);
    $_REQUEST['display'] = 'extensions';
    return core_devices_add(
        $a['id'], $a['tech'], $a['dial'], $a['devicetype'], $a['user'], $a['description'], $a['emergency_cid'], $again
    );
}

// A user's settings as core_users_add takes them, which is not as core_users_get gives them: what is not in astdb is
// false there, and would be written as "", which the dialplan takes for a setting; what the module for paging keeps is
// left out where that module is not loaded; and a place is behind two names, with a number at the second in FreePBX.
function ccops_user($number, $changed) {
    global $astman;
    $vars = ccops_either('core_users_get', 'getUser', array($number));
    if (!is_array($vars) || !$vars) ccops_fail("FreePBX has no user $number");
    // A FreePBX older than its Asterisk does not understand what the manager answers, and would write all of it empty.
    if (trim((string) $astman->database_get('AMPUSER', "$number/device")) == '') ccops_fail("FreePBX reads nothing of $number in astdb");
    foreach (array_keys($vars) as $name) if ($vars[$name] === false) unset($vars[$name]);
    foreach (array('answermode', 'intercom') as $name) {
        $kept = isset($vars[$name]) ? '' : trim((string) $astman->database_get('AMPUSER', "$number/$name"));
        if ($kept != '') $vars[$name] = $kept;
    }
    foreach (array('in_external', 'out_external', 'in_internal', 'out_internal', 'ondemand') as $what) {
        $name = "recording_$what";
        if (isset($vars[$name]) && $vars[$name] == '') unset($vars[$name]);
        if (isset($vars[$name])) $vars[$name] = "$name=" . $vars[$name];
    }
    foreach (array('noanswer', 'busy', 'chanunavail') as $n => $what) {
        $place = isset($vars["{$what}_dest"]) ? $vars["{$what}_dest"] : '';
        $vars["{$what}_dest"] = $place == '' ? '' : "ccops_goto_$what";
        if ($place == '') continue;
        $vars["ccops_goto_$what"] = "ccops_to_$what";
        $vars["ccops_to_$what"] = $vars["ccops_to_$what$n"] = $place;
    }
    if (isset($vars['voicemail'])) $vars['vmcontext'] = $vars['voicemail'];
    foreach ($changed as $name => $value) $vars[$name] = $value;
    // From 13 on a user has an account code, which 13 to 15 take from the device's form alone.
    $account = isset($changed['accountcode']) ? $changed['accountcode'] : $astman->database_get('AMPUSER', "$number/accountcode");
    $vars['accountcode'] = $vars['devinfo_accountcode'] = (string) $account;
    return ccops_quoted($vars);
}

function ccops_trunk($a, $dialopts) {
    return array(
        $a['channelid'], $a['dialoutprefix'], $a['maxchans'], $a['outcid'], $a['peerdetails'], $a['usercontext'],
        $a['userconfig'], $a['register'], $a['keepcid'], $a['failscript'], $a['disabled'], $a['name'], $a['provider'],
        $a['continue'] == '' ? 'off' : $a['continue'], $dialopts
    );
}

// Up to 2.11 FreePBX leaves ' to magic_quotes_gpc where that is on, which quotes only what comes from a browser.
function ccops_quoted($values) {
    $left = function_exists('get_magic_quotes_gpc') && get_magic_quotes_gpc();
    if ($left && strpos(serialize($values), "'") !== false) ccops_fail("PHP has magic_quotes_gpc on, and there is a ' in it");
    return $values;
}

function ccops_call($name, $a) {
    global $astman;
    ccops_quoted($a);
    switch ($name) {
    case 'users_add':
        ccops_keywords(array(), array('display' => 'extensions'));
        return ccops_either('core_users_add', 'addUser', array($a));
    case 'users_edit':
        return ccops_either('core_users_edit', '', array($a['extension'], ccops_user($a['extension'], $a)));
    case 'users_del':
        ccops_either('core_users_del', 'delUser', array($a['extension']));
        if (function_exists('core_users_cleanastdb')) core_users_cleanastdb($a['extension']);
        if (function_exists('findmefollow_del')) findmefollow_del($a['extension']);
        return true;
    case 'devices_add':
        return ccops_add_device($a, false);
    case 'devices_edit':
        ccops_either('core_devices_del', 'delDevice', array($a['id'], true));
        return ccops_add_device($a, true);
    case 'devices_del':
        ccops_either('core_devices_del', 'delDevice', array($a['id']));
        return true;
    case 'trunks_add':
        return call_user_func_array('core_trunks_add', array_merge(array($a['tech']), ccops_trunk($a, false)));
    case 'trunks_edit':
        $dialopts = $astman->database_get('TRUNK', "{$a['number']}/dialopts");
        call_user_func_array('core_trunks_edit', array_merge(array($a['number']), ccops_trunk($a, $dialopts)));
        if ($a['routedisplay'] == 'off') FreePBX::create()->Core->hideTrunk($a['number']);
        return true;
    case 'trunks_del':
        ccops_either('core_trunks_del', 'deleteTrunk', array($a['number']));
        if (function_exists('core_trunks_delete_dialrules')) core_trunks_delete_dialrules($a['number']);
        elseif (function_exists('core_trunks_deleteDialRules')) core_trunks_deleteDialRules($a['number']);
        if (function_exists('core_routing_trunk_delbyid')) core_routing_trunk_delbyid($a['number']);
        return true;
    }
    ccops_fail('what was asked is not known');
}

function ccops_read($tables, $filters) {
    global $amp_conf;
    $columns = array();
    $rows = array();
    $quoted = "'" . implode("','", $tables) . "'";
    $known = ccops_ask(
        'SELECT TABLE_NAME AS t, COLUMN_NAME AS c, DATA_TYPE AS d, CHARACTER_MAXIMUM_LENGTH AS n ' .
        "FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ($quoted) " .
        'ORDER BY TABLE_NAME, ORDINAL_POSITION'
    );
    foreach ($known as $each) $columns[$each['t']][$each['c']] = array($each['d'], $each['n']);
    foreach ($columns as $table => $names) {
        $cells = array();
        foreach (array_keys($names) as $name) $cells[] = "HEX(CAST(`$name` AS BINARY)) AS `$name`";
        $where = isset($filters[$table]) ? " WHERE {$filters[$table]}" : '';
        $rows[$table] = ccops_ask('SELECT ' . implode(', ', $cells) . " FROM `$table`$where");
    }
    $name = ccops_ask('SELECT DATABASE() AS n');
    return array('database' => $name[0]['n'], 'columns' => $columns, 'rows' => $rows);
}

register_shutdown_function('ccops_shut');
$ccops_at = 0;
$ccops_wanted = ccops_value(base64_decode($ccops_asked), $ccops_at);
unset($ccops_asked);

// FreePBX from 2.9 on and Issabel bring themselves up by one file; before that each script did so by hand.
$ccops_root = getenv('CCOPS_ROOT');
$ccops_conf = '';
foreach (array('freepbx', 'asterisk/freepbx', 'issabelpbx', 'asterisk/issabelpbx') as $ccops_name) {
    if ($ccops_conf == '' && is_readable("$ccops_root/etc/$ccops_name.conf")) $ccops_conf = "$ccops_root/etc/$ccops_name.conf";
}
if (!function_exists('_')) { function _($text) { return $text; } }
if ($ccops_conf != '') {
    $bootstrap_settings = array(
        'freepbx_auth' => false, 'issabelpbx_auth' => false,
        'freepbx_error_handler' => false, 'issabelpbx_error_handler' => false
    );
    $restrict_mods = array('core' => true, 'voicemail' => true, 'findmefollow' => true, 'sipsettings' => true);
    require_once($ccops_conf);
} elseif (is_readable("$ccops_root/etc/amportal.conf")) {
    define('AMP_CONF', "$ccops_root/etc/amportal.conf");
    $amportalconf = AMP_CONF;
    $ccops_web = '/var/www/html';
    foreach (file(AMP_CONF) as $ccops_line) {
        if (preg_match('/^\s*AMPWEBROOT\s*=\s*"?([\w\/.:-]+)/', $ccops_line, $ccops_match)) $ccops_web = rtrim($ccops_match[1], '/');
    }
    if (!function_exists('fatal')) { function fatal($text) { ccops_fail($text); } }
    chdir("$ccops_web/admin");
    require_once("$ccops_web/admin/functions.inc.php");
    $amp_conf = parse_amportal_conf(AMP_CONF);
    require_once("$ccops_web/admin/common/db_connect.php");
    require_once("$ccops_web/admin/common/php-asmanager.php");
    $astman = new AGI_AsteriskManager();
    $ccops_host = isset($amp_conf['ASTMANAGERHOST']) && $amp_conf['ASTMANAGERHOST'] != '' ? $amp_conf['ASTMANAGERHOST'] : '127.0.0.1';
    if (!$astman->connect($ccops_host, $amp_conf['AMPMGRUSER'], $amp_conf['AMPMGRPASS'])) $astman = null;
    foreach (array('core', 'voicemail', 'findmefollow') as $ccops_name) {
        if (is_readable("$ccops_web/admin/modules/$ccops_name/functions.inc.php")) {
            require_once("$ccops_web/admin/modules/$ccops_name/functions.inc.php");
        }
    }
} else ccops_fail('there is no FreePBX that may be read here: no freepbx.conf, issabelpbx.conf or amportal.conf');
if (!function_exists('sql') || (!function_exists('core_users_add') && !class_exists('FreePBX'))) {
    ccops_fail('FreePBX did not come up: its functions are not there');
}

$ccops_answer = array();
if ($ccops_wanted['do'] == 'read') {
    $ccops_answer = ccops_read($ccops_wanted['tables'], $ccops_wanted['filters']);
} elseif ($ccops_wanted['do'] == 'calls') {
    $ccops_able = isset($astman) && $astman && (!method_exists($astman, 'connected') || $astman->connected());
    if (!$ccops_able) ccops_fail('FreePBX does not reach Asterisk: its manager user is not let in');
    foreach ($ccops_wanted['expect'] as $ccops_each) {
        $ccops_count = ccops_ask($ccops_each[0]);
        if ((int) $ccops_count[0]['n'] != $ccops_each[1]) ccops_fail('somebody has changed it meanwhile');
    }
    foreach ($ccops_wanted['calls'] as $ccops_each) {
        $ccops_done++;
        $ccops_before = strlen(ob_get_contents());
        $ccops_found = ccops_call($ccops_each[0], $ccops_each[1]);
        $ccops_said = (string) substr(ob_get_contents(), $ccops_before);
        // From 12 on what is refused is told to a browser alone: the function returns null or even true.
        if ($ccops_found === false || strpos($ccops_said, 'alert(') !== false) {
            ccops_fail("{$ccops_each[0]} was refused: " . substr(trim(strip_tags($ccops_said)), -200));
        }
    }
    needreload();
} elseif ($ccops_wanted['do'] == 'rows') {
    $ccops_answer['counts'] = array();
    foreach ($ccops_wanted['statements'] as $ccops_each) {
        $ccops_done++;
        $ccops_answer['counts'][] = ccops_change($ccops_each);
    }
} else ccops_fail('what was asked is not known');
$ccops_answer['done'] = $ccops_done;
ccops_tell($ccops_answer);

/* JSON written as itself in C: JSON({"type": "object"}) is the text of it. Schemas read as schemas.
 */
#ifndef BURROW_TOOLS_JSON_TEXT_H
#define BURROW_TOOLS_JSON_TEXT_H

#define JSON(...) #__VA_ARGS__

#endif
